import { backoff } from './backoff.ts';

const LEAST_RETRY_MS = 500;
const MOST_RETRY_MS = 30_000;
/** Timers take no longer waits than 2^31 ms; and a clock that was set is noticed in time. */
const LONGEST_SLEEP_MS = 60_000;

export interface Rounds extends AsyncDisposable {
  /** Something changed: there will be a round that begins after this call. Calls in between are one. */
  request(): void;
  /** A round that begins after this call; rejects where that round failed. */
  next(): Promise<void>;
  /** Why the last round failed, if it did. */
  readonly failure: unknown;
}

/**
 * Runs rounds one after the other: one for all requests that came meanwhile, one at the time that a round asked for,
 * and after a failed one another, later and later.
 *
 * @param round returns when it wants to be run again, in ms since 1970
 * @param now ms since 1970
 */
export function createRounds(
  round: () => Promise<number | undefined>,
  now: () => number,
  onFailure: (error: unknown) => void,
): Rounds {
  let waiting: PromiseWithResolvers<void>[] = [];
  let requested = false;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failures = 0;
  let failure: unknown;
  let closed = false;

  const runOne = async (): Promise<void> => {
    clearTimeout(timer);
    requested = false;
    const served = waiting;
    waiting = [];
    let wait: number;
    try {
      const again = await round();
      failure = undefined;
      failures = 0;
      wait = again === undefined ? LONGEST_SLEEP_MS : Math.min(Math.max(1, again - now()), LONGEST_SLEEP_MS);
      for (const { resolve } of served) resolve();
    } catch (error) {
      failure = error;
      failures += 1;
      onFailure(error);
      wait = backoff(failures, LEAST_RETRY_MS, MOST_RETRY_MS, Math.random());
      for (const { reject } of served) reject(error);
    }
    if (!closed) timer = setTimeout(request, wait);
  };
  const request = (): void => {
    requested = true;
    if (closed || running !== undefined) return;
    running = (async () => {
      // What is told in one turn of the event loop makes one round.
      await new Promise((resolve) => setImmediate(resolve));
      while (requested && !closed) await runOne();
      running = undefined;
    })();
  };

  return {
    request,
    next: () => {
      const promise = Promise.withResolvers<void>();
      if (closed) promise.reject(new Error('Mailhold is stopping.'));
      else waiting.push(promise);
      request();
      return promise.promise;
    },
    get failure() {
      return failure;
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      clearTimeout(timer);
      await running;
      clearTimeout(timer);
      for (const { reject } of waiting) reject(new Error('Mailhold is stopping.'));
      waiting = [];
    },
  };
}
