/** Changes that come one after the other are written together: once it was quiet for so long, ... */
const QUIET_MS = 250;
/** ... at the latest after this time, and the first after a longer pause at once. */
const BURST_MS = 2_000;

/** When changes of one gateway's configuration are written, so that a hundred new connections are some writes and not a hundred. */
export interface ConfigurationBursts {
  /**
   * How long this configuration is to wait for more changes, in ms; 0: not at all.
   *
   * @param now by the monotonic clock, in ms
   */
  waitFor(digest: string, now: number): number;
  /** It was written. @returns whether another one was written last */
  wrote(digest: string, now: number): boolean;
}

export function createConfigurationBursts(): ConfigurationBursts {
  let written: { digest: string; at: number } | undefined;
  let burst: { digest: string; since: number; changedAt: number } | undefined;
  return {
    waitFor: (digest, now) => {
      if (written === undefined || written.digest === digest || now - written.at > BURST_MS) return 0;
      if (burst?.digest !== digest) burst = { digest, since: burst?.since ?? now, changedAt: now };
      return Math.max(0, Math.min(burst.changedAt + QUIET_MS, burst.since + BURST_MS) - now);
    },
    wrote: (digest, now) => {
      burst = undefined;
      if (written?.digest === digest) return false;
      written = { digest, at: now };
      return true;
    },
  };
}
