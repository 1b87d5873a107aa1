import type { ImapFault } from '../fault.ts';

/**
 * Announces the whole message and sends a part.
 *
 * @param then `close`: the connection ends there; `go-on`: the response ends as if nothing were missing; `stall`
 */
export function truncatedLiteral(uid: number, sent: number, then: 'close' | 'go-on' | 'stall'): ImapFault {
  return {
    body: (bytes, its, peer) => {
      if (its !== uid) return undefined;
      const part = Buffer.concat([Buffer.from(`{${bytes.length}}\r\n`), bytes.subarray(0, sent)]);
      if (then === 'go-on') return part;
      peer.send(part);
      if (then === 'close') peer.socket.destroySoon();
      else peer.send = () => undefined;
      return Buffer.alloc(0);
    },
  };
}
