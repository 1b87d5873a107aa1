/** Time as a dependency. `now` is the wall clock in ms since 1970; `monotonic` never jumps and is for durations. */
export interface Clock {
  now(): number;
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** RFC 3339 in UTC with milliseconds. */
export function timestamp(clock: Pick<Clock, 'now'>): string {
  const now = clock.now();
  // Under load many are asked for within one millisecond, and writing one out costs as much as parsing a command.
  if (now !== last.ms) last = { ms: now, text: new Date(now).toISOString() };
  return last.text;
}

let last = { ms: Number.NaN, text: '' };
