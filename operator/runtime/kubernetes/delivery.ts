import { createHash } from 'node:crypto';
import type { ConnectionEntry, WorkerGroup } from '../../../workers/process/contract.ts';
import { ApiError } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/types.ts';
import { keyOfObject } from '../../kube/types.ts';
import { backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { WorkerClient } from '../workers/worker-client.ts';
import { isEnding, type Pod } from './pod.ts';
import { types } from './resource-types.ts';
import { MANAGER } from './secret-object.ts';
import type { WorkerPod } from './worker-pods.ts';

/** A change of a pod's annotation makes the kubelet bring the pod's volumes up to date; what it says is for people. */
export const CONFIGURATION_ANNOTATION = 'mailhold.dev/config';

const LEAST_DELAY_MS = 500;
const MOST_DELAY_MS = 30_000;
/** After so many nudges the Secrets themselves are looked at again: somebody may have deleted one. */
const DOUBT_AFTER = 3;

/** What the pods of a group are to serve. */
export interface Wanted {
  group: WorkerGroup;
  entries: readonly ConnectionEntry[];
}

export interface Delivered {
  /** When to look again, in ms from now; absent where no pod is behind. */
  again?: number;
  /** True where nudges do not help. */
  doubtful: boolean;
}

export interface Delivery {
  /**
   * Makes the kubelets bring new Secrets to the pods of a group, which are written already.
   *
   * The kubelet refreshes the Secrets of a pod within a minute, at once where the pod itself changes; but what it then
   * reads may lag behind, so the pod is changed again, later and later, until its worker says that it serves this.
   *
   * @throws ApiError
   */
  deliver(pods: readonly WorkerPod[], wanted: Wanted): Promise<Delivered>;
}

/** How far a pod is: it has told nothing yet and mounts what there is, it has older Secrets, or what is wanted. */
export type DeliveryState = 'starting' | 'behind' | 'served' | 'ending';

interface Nudged {
  digest: string;
  tries: number;
  /** By the monotonic clock, in ms. */
  nextAt: number;
}

export interface DeliveryOptions {
  client: Pick<KubeClient, 'patch'>;
  clock: Clock;
  /** From 0 to 1. */
  random: () => number;
  log: Log;
}

export function createDelivery({ client, clock, random, log }: DeliveryOptions): Delivery {
  /** Of workers that are behind; it goes with whoever follows them. */
  const nudged = new WeakMap<WorkerClient, Nudged>();

  const nudge = async (pod: Pod, worker: WorkerClient, digest: string): Promise<Nudged> => {
    const before = nudged.get(worker);
    const known = before?.digest === digest ? before : { digest, tries: 0, nextAt: 0 };
    if (known.nextAt > clock.monotonic()) return known;
    const tries = known.tries + 1;
    await annotate(client, pod, `${digest}-${tries}`);
    if (tries > 1) log.info('configuration-nudged-again', { pod: keyOfObject(pod), tries });
    const nextAt = clock.monotonic() + backoff(tries, LEAST_DELAY_MS, MOST_DELAY_MS, random());
    const now = { digest, tries, nextAt };
    nudged.set(worker, now);
    return now;
  };

  return {
    deliver: async (pods, wanted) => {
      const digest = wantedDigest(wanted);
      let nextAt = Number.POSITIVE_INFINITY;
      let doubtful = false;
      for (const it of pods) {
        const { pod, client: worker } = it;
        if (worker === undefined) continue;
        if (deliveryState(it, wanted) !== 'behind') {
          nudged.delete(worker);
          continue;
        }
        const state = await nudge(pod, worker, digest);
        nextAt = Math.min(nextAt, state.nextAt);
        doubtful ||= state.tries > DOUBT_AFTER;
      }
      return { ...(nextAt !== Number.POSITIVE_INFINITY && { again: nextAt - clock.monotonic() }), doubtful };
    },
  };
}

/** A worker that we do not trust, or that does not trust us, has keys from before the last ones. */
export function deliveryState({ pod, client }: WorkerPod, wanted: Wanted): DeliveryState {
  if (isEnding(pod)) return 'ending';
  if (client?.lastError?.code === 'WorkerNotTrusted') return 'behind';
  if (client?.facts === undefined) return 'starting';
  return serves(client.facts, wanted) ? 'served' : 'behind';
}

/** Whether the worker serves exactly this. */
function serves(facts: NonNullable<WorkerClient['facts']>, { group, entries }: Wanted): boolean {
  if (facts.group.revision !== group.revision || facts.connections.size !== entries.length) return false;
  return entries.every(({ uid, revision }) => facts.connections.get(uid)?.revision === revision);
}

async function annotate(client: DeliveryOptions['client'], pod: Pod, value: string): Promise<void> {
  const { namespace = '', name } = pod.metadata;
  const patch = { metadata: { annotations: { [CONFIGURATION_ANNOTATION]: value } } };
  try {
    await client.patch(types.Pod, { namespace, name }, patch, { manager: MANAGER });
  } catch (error) {
    // It went while we looked at it; the others are still to be told.
    if (!(error instanceof ApiError) || error.code !== 'NotFound') throw error;
  }
}

/** Of all that the pods of a group are to serve. */
export function wantedDigest({ group, entries }: Wanted): string {
  const hash = createHash('sha256').update(group.revision);
  for (const { uid, revision } of entries) hash.update(uid).update(revision);
  return hash.digest('hex').slice(0, 12);
}
