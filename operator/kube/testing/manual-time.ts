import { setImmediate as turn } from 'node:timers/promises';
import type { Timers } from '../timers.ts';
import type { Clock } from '../types.ts';

/** Time that passes only where a test says so. */
export interface ManualTime {
  readonly clock: Clock;
  readonly timers: Timers;
  /** How many timers wait. */
  readonly waiting: number;
  /** Lets everything that does not wait for time happen. */
  settle(): Promise<void>;
  /** Lets `ms` pass, timer by timer, and settles after each. */
  advance(ms: number): Promise<void>;
}

export function manualTime(): ManualTime {
  let now = 0;
  const timers = new Set<{ at: number; run: () => void }>();
  // Chains of promises are some links long; what is left after a turn of the event loop waits for time.
  const settle = (): Promise<void> => turn();

  return {
    clock: { now: () => Date.UTC(2026, 0, 1) + now, monotonic: () => now },
    timers: {
      after: (ms, run) => {
        const timer = { at: now + ms, run };
        timers.add(timer);
        return { [Symbol.dispose]: () => timers.delete(timer) };
      },
    },
    get waiting() {
      return timers.size;
    },
    settle,
    advance: async (ms) => {
      const end = now + ms;
      await settle();
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        now = Math.max(now, due.at);
        due.run();
        await settle();
      }
      now = end;
    },
  };
}
