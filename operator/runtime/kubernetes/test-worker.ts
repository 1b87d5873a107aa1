import type { Plan } from '../../plan/plan.ts';
import type { WorkerClient } from '../workers/worker-client.ts';
import { isEnding, isServing } from './pod.ts';
import type { WorkerPods } from './worker-pods.ts';

/**
 * The worker that a connection is tested at: one that answers, and takes traffic where any does, since that is what a
 * sender meets.
 *
 * @param uid of the connection
 * @returns undefined where no worker serves it
 */
export function testWorker(
  plan: Plan | undefined,
  pods: Pick<WorkerPods, 'of'>,
  uid: string,
): WorkerClient | undefined {
  const { entry, gateway, shard } = plan?.connections.get(uid) ?? {};
  if (entry === undefined || gateway === undefined || shard === undefined) return undefined;
  const group =
    entry.method === 'SMTP' ? pods.of(gateway.metadata, 'receiver', 0) : pods.of(gateway.metadata, 'poller', shard);
  const answering = group.filter(({ pod, client }) => client?.facts !== undefined && !isEnding(pod));
  return (answering.find(({ pod }) => isServing(pod)) ?? answering[0])?.client;
}
