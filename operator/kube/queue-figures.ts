/** What happens in a queue, for counters and histograms; times in ms. */
export type QueueEvent =
  /** A request came, also one for a key that waits already. */
  | { type: 'added' }
  /** A run began; `queuedMs` is since it was due. */
  | { type: 'started'; queuedMs: number }
  /** `again`: it asked to be run at another time. `failed`: it will be retried. */
  | { type: 'finished'; workMs: number; outcome: 'done' | 'again' | 'failed' };

/** How a queue is now; times in ms. */
export interface QueueFigures {
  /** Keys that are due and not running. */
  depth: number;
  /** Keys that wait for their time. */
  delayed: number;
  running: number;
  /** Keys that failed and have not succeeded since. */
  failing: number;
  longestRunningMs: number;
  /** Sum over what runs. */
  unfinishedMs: number;
}

/** @param startedAt of all runs, by the monotonic clock in ms */
export function runningFigures(
  startedAt: readonly number[],
  now: number,
): Pick<QueueFigures, 'running' | 'longestRunningMs' | 'unfinishedMs'> {
  const ages = startedAt.map((at) => now - at);
  return {
    running: ages.length,
    longestRunningMs: ages.reduce((longest, age) => Math.max(longest, age), 0),
    unfinishedMs: ages.reduce((sum, age) => sum + age, 0),
  };
}
