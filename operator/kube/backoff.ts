/**
 * How long to wait before try number `failures` + 1: doubling from `least`, at most `most`, less up to a quarter at
 * random, so that what failed together does not come back together.
 *
 * @param failures in a row so far, at least 1
 * @param least and most in ms
 * @param random from 0 to 1
 */
export function backoff(failures: number, least: number, most: number, random: number): number {
  const full = Math.min(most, least * 2 ** Math.min(failures - 1, 30));
  return full * (1 - random / 4);
}
