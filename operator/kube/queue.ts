import { backoff } from './backoff.ts';
import { type QueueEvent, type QueueFigures, runningFigures } from './queue-figures.ts';
import { systemTimers, type Timers } from './timers.ts';
import type { Clock, Log } from './types.ts';
import { createWaitingKeys, merged, type Priority, type WaitingKey } from './waiting-keys.ts';

const LEAST_RETRY_MS = 1_000;
const MOST_RETRY_MS = 300_000;
/** A key that always wants to be run again must leave time for all else. */
const LEAST_AGAIN_MS = 10;

export interface QueueFailure<K extends string> {
  key: K;
  error: unknown;
  /** In a row, with this one. */
  failures: number;
  retryInMs: number;
}

export interface QueueOptions<K extends string> {
  /**
   * Does what is to be done for the key, whatever happened to it. Where it rejects, it is called again in 1 s to 5 min, or
   * in `retryAfterMs` of the error if that is longer.
   *
   * @param signal aborts when the queue is disposed of
   * @returns `again`: when to call it again although nothing happened, in ms from now
   */
  process(key: K, signal: AbortSignal): Promise<{ again?: number } | undefined>;
  /** How many keys are processed at once. */
  concurrency: number;
  clock: Clock;
  timers?: Timers;
  /** From 0 to 1. */
  random: () => number;
  log: Log;
  onFailure?: (failure: QueueFailure<K>) => void;
  observe?: (event: QueueEvent) => void;
}

export interface Queue<K extends string> extends AsyncDisposable {
  /**
   * Has the key processed once more, in `after` ms (at once) or sooner: a run that begins after this call. A key waits
   * once, however often it is added; the earliest time and the higher priority win, also over the wait after a failure.
   */
  add(key: K, wish?: { after?: number; priority?: Priority }): void;
  /** Drops all that is known of the key: there is no run any more that was not asked for after this. */
  forget(key: K): void;
  /** Resolves when no key is due and none is running; there may be some that wait for their time. */
  idle(): Promise<void>;
  figures(): QueueFigures;
}

interface Run<K extends string> {
  readonly startedAt: number;
  readonly ended: Promise<void>;
  /** What was asked for since it began. */
  next: WaitingKey<K> | undefined;
  /** Whatever comes out of it, nobody wants to know. */
  isForgotten: boolean;
}

type Outcome = { type: 'done' } | { type: 'again'; after: number } | { type: 'failed'; error: unknown };

/**
 * Processes keys: each at its time, never the same twice at once, `concurrency` different ones at once. A key is in one
 * place only: it waits, or it runs, and then its next run waits with it.
 */
export function createQueue<K extends string>(options: QueueOptions<K>): Queue<K> {
  const { process, concurrency, clock, random, log, onFailure, observe, timers = systemTimers } = options;
  const stop = new AbortController();
  const running = new Map<K, Run<K>>();
  const failures = new Map<K, number>();
  let waiting = createWaitingKeys<K>();
  let idlers: (() => void)[] = [];
  let timer: Disposable | undefined;
  let isAwake = false;
  let orders = 0;

  const put = (wanted: WaitingKey<K>): void => {
    const run = running.get(wanted.key);
    if (run === undefined) waiting.put(wanted);
    else run.next = merged(run.next, wanted);
    wake();
  };
  const wish = (key: K, after: number, priority: Priority): WaitingKey<K> => {
    orders += 1;
    return { key, dueAt: clock.monotonic() + Math.max(0, after), priority, order: orders };
  };
  // All that is added in one go is put in order before the first of it runs.
  const wake = (): void => {
    if (isAwake) return;
    isAwake = true;
    queueMicrotask(begin);
  };
  const begin = (): void => {
    isAwake = false;
    timer?.[Symbol.dispose]();
    timer = undefined;
    if (stop.signal.aborted) return;
    const now = clock.monotonic();
    waiting.ripen(now);
    while (running.size < concurrency) {
      const next = waiting.take();
      if (next === undefined) break;
      start(next, now);
    }
    const { nextDueAt } = waiting;
    if (nextDueAt !== undefined) timer = timers.after(nextDueAt - now, wake);
    if (running.size === 0 && waiting.due === 0) release();
  };
  // A mistake in a counter must not stop the work.
  const tell = (hook: () => void): void => {
    try {
      hook();
    } catch (error) {
      log.error('queue-hook-failed', { error: String(error) });
    }
  };
  const release = (): void => {
    for (const resolve of idlers) resolve();
    idlers = [];
  };

  const start = ({ key, dueAt, priority }: WaitingKey<K>, now: number): void => {
    tell(() => observe?.({ type: 'started', queuedMs: now - dueAt }));
    const ended = attempt(key).then((outcome) => finish(key, priority, outcome));
    running.set(key, { startedAt: now, ended, next: undefined, isForgotten: false });
  };
  const attempt = async (key: K): Promise<Outcome> => {
    try {
      const after = (await process(key, stop.signal))?.again;
      return after === undefined ? { type: 'done' } : { type: 'again', after };
    } catch (error) {
      return { type: 'failed', error };
    }
  };
  const finish = (key: K, priority: Priority, outcome: Outcome): void => {
    const run = running.get(key);
    if (run === undefined) return;
    running.delete(key);
    const workMs = clock.monotonic() - run.startedAt;
    tell(() => observe?.({ type: 'finished', workMs, outcome: outcome.type }));
    if (stop.signal.aborted) return;
    if (run.next !== undefined) waiting.put(run.next);
    if (!run.isForgotten) settle(key, priority, outcome);
    wake();
  };
  const settle = (key: K, priority: Priority, outcome: Outcome): void => {
    switch (outcome.type) {
      case 'done':
        failures.delete(key);
        return;
      case 'again':
        failures.delete(key);
        put(wish(key, Math.max(LEAST_AGAIN_MS, outcome.after), 'background'));
        return;
      case 'failed': {
        const { error } = outcome;
        const count = (failures.get(key) ?? 0) + 1;
        failures.set(key, count);
        const retryInMs = Math.max(backoff(count, LEAST_RETRY_MS, MOST_RETRY_MS, random()), retryAfterOf(error));
        log.warn('processing-failed', { key, error: String(error), failures: count, retryInMs });
        tell(() => onFailure?.({ key, error, failures: count, retryInMs }));
        put(wish(key, retryInMs, priority));
      }
    }
  };

  return {
    add: (key, { after = 0, priority = 'now' } = {}) => {
      if (stop.signal.aborted) return;
      tell(() => observe?.({ type: 'added' }));
      put(wish(key, after, priority));
    },
    forget: (key) => {
      waiting.delete(key);
      failures.delete(key);
      const run = running.get(key);
      if (run === undefined) return;
      run.next = undefined;
      run.isForgotten = true;
    },
    idle: () =>
      new Promise((resolve) => {
        idlers.push(resolve);
        if (stop.signal.aborted) release();
        else wake();
      }),
    figures: () => ({
      depth: waiting.due,
      delayed: waiting.later,
      failing: failures.size,
      ...runningFigures(
        [...running.values()].map(({ startedAt }) => startedAt),
        clock.monotonic(),
      ),
    }),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      timer?.[Symbol.dispose]();
      timer = undefined;
      waiting = createWaitingKeys();
      await Promise.all([...running.values()].map(({ ended }) => ended));
      release();
    },
  };
}

/** What an answer of a server asked for, where the error has it. */
function retryAfterOf(error: unknown): number {
  const { retryAfterMs } = Object(error) as { retryAfterMs?: unknown };
  return typeof retryAfterMs === 'number' && Number.isFinite(retryAfterMs) ? retryAfterMs : 0;
}
