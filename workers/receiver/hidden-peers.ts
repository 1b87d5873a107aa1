import type { BlockList } from 'node:net';
import { type Clock, timestamp } from '../process/clock.ts';
import type { GroupFacts } from '../process/contract.ts';
import { compileRanges, type PeerAddress } from './ranges.ts';

/**
 * Senders whose own address nobody sees: where a Service does not keep it (`externalTrafficPolicy: Cluster`), a node of
 * the cluster stands in its place, and every sender range would judge that node.
 */
export interface HiddenPeers {
  /**
   * @param ranges CIDRs of nodes and pods
   * @throws FaultError InvalidConfiguration, naming the range; those before go on
   */
  follow(ranges: readonly string[]): void;
  /** A session of this peer has named a recipient that is served. To be told once per session, and not of self-tests. */
  named(peer: PeerAddress): void;
}

/** @param onSeen called with the facts after each session that came from within the ranges */
export function createHiddenPeers(
  clock: Clock,
  onSeen: (seen: NonNullable<GroupFacts['hiddenPeers']>) => void,
): HiddenPeers {
  let hidden: BlockList | undefined;
  let count = 0;
  return {
    follow: (ranges) => {
      hidden = compileRanges(ranges);
    },
    named: ({ address, family }) => {
      if (hidden?.check(address, family) !== true) return;
      count += 1;
      onSeen({ count, lastAt: timestamp(clock), lastPeer: address });
    },
  };
}
