/** The middle value; the mean of the two middle ones where their number is even. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** The smallest value that at least `share` (0 to 1) of all values do not exceed (nearest rank). NaN of nothing. */
export function quantile(values: readonly number[] | Float64Array, share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export interface Ratio {
  median: number;
  least: number;
  most: number;
  rounds: number;
}

/**
 * The ratio of two rates that were measured side by side: one ratio per round, then the median over the rounds, so that
 * what slows a whole round down slows both.
 *
 * @throws RangeError where the rounds do not pair, or one has no positive rate
 */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): Ratio {
  if (ours.length !== theirs.length || ours.length === 0) {
    throw new RangeError(`${ours.length} rounds do not pair with ${theirs.length}`);
  }
  const ratios = ours.map((rate, round) => {
    const other = theirs[round] ?? 0;
    if (!(rate > 0 && other > 0)) throw new RangeError(`round ${round + 1} has no rate`);
    return rate / other;
  });
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios), rounds: ratios.length };
}

/** The order of a round's runs: turned by one each round, so that none always follows the same neighbour. */
export function turned<T>(items: readonly T[], round: number): T[] {
  const by = items.length === 0 ? 0 : round % items.length;
  return [...items.slice(by), ...items.slice(0, by)];
}
