import type { ConnectionFacts } from '../../workers/process/contract.ts';
import { keepOnly } from './keep-only.ts';

export interface RefusedLogins {
  /**
   * Connections whose login was refused since the last call: their password is read again, since it may have been changed.
   *
   * @param facts by uid
   * @returns uids
   */
  since(facts: ReadonlyMap<string, ConnectionFacts>): string[];
}

export function createRefusedLogins(): RefusedLogins {
  /** By uid: end of the attempt that was refused. */
  const known = new Map<string, string>();
  return {
    since: (facts) => {
      const fresh: string[] = [];
      keepOnly(known, facts);
      for (const [uid, { attempt }] of facts) {
        if (attempt?.fault?.code !== 'AuthenticationFailed') known.delete(uid);
        else if (known.get(uid) !== attempt.endedAt) {
          known.set(uid, attempt.endedAt);
          fresh.push(uid);
        }
      }
      return fresh;
    },
  };
}
