import type { ConnectionFacts, GroupFacts } from '../../../workers/process/contract.ts';
import { SILENCE_MS } from '../../plan/inputs.ts';
import { mergeConnectionFacts, mergeGroupFacts } from '../../plan/merge-facts.ts';
import type { Clock } from '../clock.ts';
import type { WorkerFacts } from '../workers/facts.ts';
import { isEnding, isServing, type Pod } from './pod.ts';

/** A worker tests all that it serves when it starts; after this time it has, also where that is thousands. */
const CARRIED_MS = 15 * 60_000;

/** What the pods of one group tell, as if one process told it. */
export interface GroupTelling {
  group: GroupFacts;
  /** By uid. */
  connections: ReadonlyMap<string, ConnectionFacts>;
  /** Since when at the latest one of them is silent, by the monotonic clock in ms. */
  answeredAt: number;
}

/** One pod and what its worker has told so far. */
export interface TellingPod {
  pod: Pod;
  /** When it came to its address, by the monotonic clock in ms. */
  seenAt: number;
  facts: WorkerFacts | undefined;
}

/**
 * What a group tells: its ready pods together; where none is ready, those that say what keeps them from it; else what
 * was told before, so that a rollout, whose new pod has nothing to tell yet, moves no light.
 *
 * @param before what this said last, if anything
 */
export function groupTelling(
  pods: readonly TellingPod[],
  before: GroupTelling | undefined,
  clock: Clock,
): GroupTelling | undefined {
  const staying = pods.filter(({ pod }) => !isEnding(pod));
  const concerned = concernedOf(staying, before, clock.monotonic());
  const answers = concerned.flatMap(({ facts }) => facts ?? []);
  const group = mergeGroupFacts(answers.map((answer) => answer.group));
  if (group === undefined) return before;
  const uids = new Set(answers.flatMap((answer) => [...answer.connections.keys()]));
  const connections = new Map<string, ConnectionFacts>();
  const carries = clock.now() - Date.parse(group.startedAt) < CARRIED_MS;
  for (const uid of uids) {
    const merged = mergeConnectionFacts(answers.map((answer) => answer.connections.get(uid)));
    if (merged === undefined) continue;
    connections.set(uid, carries ? carriedOver(merged, before?.connections.get(uid)) : merged);
  }
  // A ready pod that has never answered is silent since it came.
  const answeredAt = Math.min(...concerned.map(({ facts, seenAt }) => facts?.answeredAt ?? seenAt));
  return { group, connections, answeredAt };
}

/** The pods that speak for the group; none where what was told before stands. */
function concernedOf(
  staying: readonly TellingPod[],
  before: GroupTelling | undefined,
  now: number,
): readonly TellingPod[] {
  const ready = staying.filter(({ pod }) => isServing(pod));
  if (ready.length > 0) return ready;
  const lively = staying.filter(({ facts }) => facts !== undefined);
  const faulty = lively.filter(({ facts }) => facts?.group.fault !== undefined);
  if (faulty.length > 0) return faulty;
  // What is that old tells nothing any more, while those that are here do.
  return before !== undefined && now - before.answeredAt < SILENCE_MS ? [] : lively;
}

/** A worker that was just started has tested nothing yet: what its predecessor saw with the same entry stands meanwhile. */
function carriedOver(facts: ConnectionFacts, known: ConnectionFacts | undefined): ConnectionFacts {
  if (facts.attempt !== undefined || known?.attempt === undefined || known.revision !== facts.revision) return facts;
  const { attempt, failingSince, source } = known;
  return {
    ...facts,
    attempt,
    ...(failingSince !== undefined && { failingSince }),
    ...(facts.source === undefined && source !== undefined && { source }),
  };
}
