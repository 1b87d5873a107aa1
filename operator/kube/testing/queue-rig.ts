import type { TestContext } from 'node:test';
import { createQueue, type Queue, type QueueFailure, type QueueOptions } from '../queue.ts';
import type { QueueEvent } from '../queue-figures.ts';
import { type ManualTime, manualTime } from './manual-time.ts';

export interface QueueRig {
  time: ManualTime;
  queue: Queue<string>;
  /** `key at` for each run that began, with the time in ms. */
  runs: string[];
  failures: QueueFailure<string>[];
  events: QueueEvent[];
  logged: string[];
}

/** A queue with its own time; without a `process`, every run succeeds at once. */
export function queueRig(t: TestContext, options: Partial<QueueOptions<string>> = {}): QueueRig {
  const time = manualTime();
  const made: Omit<QueueRig, 'queue'> = { time, runs: [], failures: [], events: [], logged: [] };
  const log = (event: string): void => void made.logged.push(event);
  const queue = createQueue<string>({
    concurrency: 1,
    random: () => 0,
    log: { info: log, warn: log, error: log },
    clock: time.clock,
    timers: time.timers,
    onFailure: (failure) => made.failures.push(failure),
    observe: (event) => made.events.push(event),
    ...options,
    process: async (key, signal) => {
      made.runs.push(`${key} ${time.clock.monotonic()}`);
      return await options.process?.(key, signal);
    },
  });
  t.after(() => queue[Symbol.asyncDispose]());
  return { ...made, queue };
}

/** Runs that last until they are let go. */
export function heldRuns(): { process: () => Promise<undefined>; release: () => void; running: number; most: number } {
  const waiting: (() => void)[] = [];
  const made = {
    running: 0,
    most: 0,
    process: async (): Promise<undefined> => {
      made.running += 1;
      made.most = Math.max(made.most, made.running);
      await new Promise<void>((resolve) => waiting.push(resolve));
      made.running -= 1;
    },
    release: () => waiting.shift()?.(),
  };
  return made;
}
