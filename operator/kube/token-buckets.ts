/** How much one key may take. */
export interface Rate {
  /** So many at once. */
  burst: number;
  /** One more after each so many ms. */
  refillMs: number;
}

interface Bucket {
  tokens: number;
  /** When `tokens` was right, in monotonic ms. */
  at: number;
}

/** A token bucket for each of many keys; the `most` that were used last are remembered, and a forgotten one is full again. */
export function tokenBuckets({ burst, refillMs }: Rate, most: number): { take(key: string, now: number): boolean } {
  const buckets = new Map<string, Bucket>();
  return {
    /** @param now monotonic ms */
    take: (key, now) => {
      const bucket = buckets.get(key) ?? { tokens: burst, at: now };
      const tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refillMs);
      const allowed = tokens >= 1;
      // Put back at the end: the one at the front was used longest ago.
      buckets.delete(key);
      buckets.set(key, { tokens: allowed ? tokens - 1 : tokens, at: now });
      const [oldest] = buckets.keys();
      if (buckets.size > most && oldest !== undefined) buckets.delete(oldest);
      return allowed;
    },
  };
}
