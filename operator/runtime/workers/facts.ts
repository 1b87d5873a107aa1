import type { ConnectionFacts, GroupFacts, StatusAnswer } from '../../../workers/process/contract.ts';

/** All that one worker has told, put together from its answers. */
export interface WorkerFacts {
  /** Writer id of the process that told it. */
  epoch: string;
  /** The next question's `since`. */
  change: number;
  group: GroupFacts;
  /** By uid. */
  connections: ReadonlyMap<string, ConnectionFacts>;
  /** When the worker last answered, by the monotonic clock in ms. */
  answeredAt: number;
}

/**
 * The facts after an answer. A new process's facts replace those of the one before; an answer in part adds to what is
 * known, and takes away what the worker no longer serves.
 *
 * @param at by the monotonic clock, in ms
 * @returns undefined where the answer is in part, but of another process than the known facts: ask for everything
 */
export function mergeAnswer(known: WorkerFacts | undefined, answer: StatusAnswer, at: number): WorkerFacts | undefined {
  if (!answer.complete && known?.epoch !== answer.epoch) return undefined;
  const connections = new Map(answer.complete ? [] : known?.connections);
  for (const uid of answer.removed) connections.delete(uid);
  for (const facts of answer.connections) connections.set(facts.uid, facts);
  return { epoch: answer.epoch, change: answer.change, group: answer.group, connections, answeredAt: at };
}
