import { createHash } from 'node:crypto';
import type { ConnectionEntry, WorkerGroup } from '../../../workers/process/contract.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/types.ts';
import { keyOfObject } from '../../kube/types.ts';
import { backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import type { WorkerFacts } from '../workers/facts.ts';
import { types } from './resource-types.ts';
import type { WorkerPod } from './worker-pods.ts';

/** A change of a pod's annotation makes the kubelet bring the pod's volumes up to date; what it says is for people. */
export const CONFIGURATION_ANNOTATION = 'mailhold.dev/config';

const LEAST_DELAY_MS = 500;
const MOST_DELAY_MS = 30_000;
/** A pod that starts mounts what there is; it is looked at again without a nudge. */
const STARTING_MS = 1_000;
/** After so many nudges the Secrets themselves are looked at again: somebody may have deleted one. */
const DOUBT_AFTER = 3;

/** What the pods of a group are to serve. */
export interface Wanted {
  group: WorkerGroup;
  entries: readonly ConnectionEntry[];
}

export interface Delivered {
  /** When to look again, in ms from now; absent where every pod serves what is wanted. */
  again?: number;
  /** True where nudges do not help. */
  doubtful: boolean;
}

export interface Delivery {
  /**
   * Makes the kubelets bring a new configuration to the pods of a group, whose Secrets are written already.
   *
   * The kubelet refreshes the Secrets of a pod within a minute, at once where the pod itself changes; but what it then
   * reads may lag behind, so the pod is changed again, later and later, until its worker says that it serves this.
   *
   * @throws ApiError
   */
  deliver(pods: readonly WorkerPod[], wanted: Wanted): Promise<Delivered>;
}

interface Nudged {
  digest: string;
  tries: number;
  /** By the monotonic clock, in ms. */
  nextAt: number;
}

export function createDelivery(client: KubeClient, manager: string, clock: Clock, log: Log): Delivery {
  /** By uid of the pod, for the pods that do not serve what is wanted. */
  const nudged = new Map<string, Nudged>();

  return {
    deliver: async (pods, wanted) => {
      const digest = digestOf(wanted);
      let again: number | undefined;
      let doubtful = false;
      for (const { pod, client: worker } of pods) {
        const uid = pod.metadata.uid ?? keyOfObject(pod);
        if (pod.metadata.deletionTimestamp !== undefined || serves(worker?.facts, wanted)) {
          nudged.delete(uid);
          continue;
        }
        if (worker === undefined) {
          again = Math.min(again ?? STARTING_MS, STARTING_MS);
          continue;
        }
        const before = nudged.get(uid);
        const known = before?.digest === digest ? before : { digest, tries: 0, nextAt: 0 };
        const wait = known.nextAt - clock.monotonic();
        if (wait > 0) {
          again = Math.min(again ?? wait, wait);
          continue;
        }
        const tries = known.tries + 1;
        await client.patch(
          types.Pod,
          { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name },
          { metadata: { annotations: { [CONFIGURATION_ANNOTATION]: `${digest}-${tries}` } } },
          { manager },
        );
        if (tries > 1) log.info('configuration-nudged-again', { pod: keyOfObject(pod), tries });
        const delay = backoff(tries, LEAST_DELAY_MS, MOST_DELAY_MS, Math.random());
        nudged.set(uid, { digest, tries, nextAt: clock.monotonic() + delay });
        again = Math.min(again ?? delay, delay);
        doubtful ||= tries > DOUBT_AFTER;
      }
      return { ...(again !== undefined && { again }), doubtful };
    },
  };
}

/** Whether the worker serves exactly this. */
export function serves(facts: WorkerFacts | undefined, { group, entries }: Wanted): boolean {
  if (facts === undefined || facts.group.revision !== group.revision) return false;
  if (facts.connections.size !== entries.length) return false;
  return entries.every(({ uid, revision }) => facts.connections.get(uid)?.revision === revision);
}

function digestOf({ group, entries }: Wanted): string {
  const hash = createHash('sha256').update(group.revision);
  for (const { uid, revision } of entries) hash.update(uid).update(revision);
  return hash.digest('hex').slice(0, 12);
}
