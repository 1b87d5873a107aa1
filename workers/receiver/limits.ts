import type { ReceiverLimits } from '../process/contract.ts';
import { type Reply, replies } from './replies.ts';

/** What a message without SIZE is taken for. */
const DEFAULT_BYTES = 64 * 1024;
/** More of one message is not held in memory: the log streams what is larger to a file. */
const MOST_BYTES = 1024 * 1024;

/**
 * Counts what is in flight against the limits. Everything taken is given back by the same session.
 *
 * A peer is limited only until it names a recipient that we serve: Exchange Online sends for all its tenants from shared
 * addresses. Bytes are reserved once, before the body, and nobody waits for them in the middle of a body: sessions that
 * wait for each other's bytes never end.
 */
export interface Limits {
  readonly sessions: number;
  /** The refusal, or undefined where the session may begin. */
  enter(peer: string): Reply | undefined;
  leave(): void;
  /** The peer has named a recipient that we serve, or is gone. */
  leavePeer(peer: string): void;
  /** A session's first recipient of this connection. */
  join(uid: string): Reply | undefined;
  part(uid: string): void;
  /** @returns bytes reserved for a message of the declared size, or the refusal */
  reserve(uids: readonly string[], declared: number): number | Reply;
  release(uids: readonly string[], bytes: number): void;
}

/** @param current the limits served now; they may change at any time */
export function createLimits(current: () => ReceiverLimits): Limits {
  const byPeer = new Map<string, number>();
  const sessionsOf = new Map<string, number>();
  const bytesOf = new Map<string, number>();
  let sessions = 0;
  let bytes = 0;

  const add = (map: Map<string, number>, key: string, by: number): void => {
    const sum = (map.get(key) ?? 0) + by;
    if (sum > 0) map.set(key, sum);
    else map.delete(key);
  };

  return {
    get sessions() {
      return sessions;
    },
    enter: (peer) => {
      const { sessions: most, sessionsPerPeer } = current();
      if (sessions >= most) return replies.tooManySessions;
      if ((byPeer.get(peer) ?? 0) >= sessionsPerPeer) return replies.tooManySessionsOfPeer;
      sessions += 1;
      add(byPeer, peer, 1);
      return undefined;
    },
    leave: () => {
      sessions -= 1;
    },
    leavePeer: (peer) => add(byPeer, peer, -1),
    join: (uid) => {
      if ((sessionsOf.get(uid) ?? 0) >= current().sessionsPerConnection) return replies.connectionBusy;
      add(sessionsOf, uid, 1);
      return undefined;
    },
    part: (uid) => add(sessionsOf, uid, -1),
    reserve: (uids, declared) => {
      const wanted = Math.min(declared > 0 ? declared : DEFAULT_BYTES, MOST_BYTES);
      const most = current().bytesInFlight;
      // Alone, every message passes, whatever the limits are.
      if (bytes > 0 && bytes + wanted > most) return replies.overload;
      // Half of it for one connection: a flood for one must leave room for the others.
      for (const uid of uids) {
        const held = bytesOf.get(uid) ?? 0;
        if (held > 0 && held + wanted > most / 2) return replies.overload;
      }
      bytes += wanted;
      for (const uid of uids) add(bytesOf, uid, wanted);
      return wanted;
    },
    release: (uids, reserved) => {
      bytes -= reserved;
      for (const uid of uids) add(bytesOf, uid, -reserved);
    },
  };
}
