import { type Clock, timestamp } from '../process/clock.ts';
import type { GroupFacts } from '../process/contract.ts';
import { printable } from '../process/fault-error.ts';

const SHOWN_PEERS = 16;
const REMEMBERED_PEERS = 1_024;
const HOUR_MS = 3_600_000;

type FailedHandshake = GroupFacts['failedHandshakes'][number];

/** The peers whose TLS handshake failed. The newest 16 are a fact of the group; the newest 1,024 are remembered. */
export interface Handshakes {
  failedNow(peer: string, text: string): void;
  /**
   * True where this peer's handshake failed within the hour. A sender that then goes on in clear text would be refused
   * for good by 530, for a fault that may be ours.
   */
  failedLately(peer: string): boolean;
}

/** @param onChange called with what is to be shown, newest first */
export function rememberHandshakes(clock: Clock, onChange: (failed: FailedHandshake[]) => void): Handshakes {
  // A Map keeps the order of insertion, so the oldest is its first key.
  const failed = new Map<string, FailedHandshake & { at: number }>();
  return {
    failedNow: (peer, text) => {
      const count = (failed.get(peer)?.count ?? 0) + 1;
      failed.delete(peer);
      failed.set(peer, { peer, count, lastAt: timestamp(clock), text: printable(text), at: clock.monotonic() });
      if (failed.size > REMEMBERED_PEERS)
        for (const oldest of failed.keys()) {
          failed.delete(oldest);
          break;
        }
      onChange(
        [...failed.values()]
          .slice(-SHOWN_PEERS)
          .reverse()
          .map(({ at: _, ...shown }) => shown),
      );
    },
    failedLately: (peer) => {
      const entry = failed.get(peer);
      return entry !== undefined && clock.monotonic() - entry.at < HOUR_MS;
    },
  };
}
