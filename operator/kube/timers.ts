/** Timers as a dependency, so that a test can let time pass. */
export interface Timers {
  /** Calls `run` once after `ms`, unless it is disposed of before. */
  after(ms: number, run: () => void): Disposable;
}

/** The process's own timers. A wait longer than they can take (2^31 ms) is cut to that, and who waits looks again. */
export const systemTimers: Timers = {
  after: (ms, run) => {
    const timer = setTimeout(run, Math.min(ms, 2 ** 31 - 1));
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

/** Waits `ms`, or until `signal` aborts: it never rejects, so the caller looks at the signal. */
export function pause(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = timers.after(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
