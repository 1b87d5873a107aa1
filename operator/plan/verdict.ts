import type { Verdict } from '../api/conditions.ts';

/** One named question; undefined where it finds nothing to say. */
export type Check = () => Verdict | undefined;

/** The verdict of the first check that finds something. */
export function firstVerdict(checks: readonly Check[]): Verdict | undefined {
  for (const check of checks) {
    const verdict = check();
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}
