import type { Fault } from '../process/contract.ts';

/** All in ms. */
export interface ScheduleTimes {
  /** Between polls after a failure that only a person can mend: a refused login must not be hammered. */
  slowCheckMs: number;
  /** After a failure that may be tried again at once. */
  soonMs: number;
}

export const defaultScheduleTimes: ScheduleTimes = { slowCheckMs: 3_600_000, soonMs: 5_000 };

/** A tenth to either side, so that mailboxes that began together do not stay together. */
const JITTER = 0.1;

/**
 * How long to wait for the next poll.
 *
 * @param random from 0 to 1
 * @returns ms
 */
export function nextPollIn(
  pollIntervalMs: number,
  fault: Pick<Fault, 'retry' | 'retryAfterMs'> | undefined,
  times: ScheduleTimes,
  random: number,
): number {
  const spread = 1 - JITTER + 2 * JITTER * random;
  const asked = fault?.retryAfterMs ?? 0;
  switch (fault?.retry) {
    case undefined:
      return pollIntervalMs * spread;
    case 'now':
      return Math.max(asked, Math.min(times.soonMs, pollIntervalMs) * spread);
    case 'later':
      return Math.max(asked, pollIntervalMs * spread);
    case 'never':
      return Math.max(asked, times.slowCheckMs, pollIntervalMs) * spread;
  }
}
