import { FaultError } from '../process/fault-error.ts';
import type { Session } from './session.ts';

/**
 * The UIDs in the open folder from `from` on, ascending. By UID SEARCH: UIDs may be anywhere up to 2^32, so stepping
 * through them is no way.
 *
 * @throws FaultError with the server's words
 */
export async function listUids(session: Session, from: number): Promise<number[]> {
  // SEARCH in an empty folder fails on some servers.
  if (session.exists === 0) return [];
  const query = from > 1 ? { uid: `${from}:*` } : { all: true };
  let found: number[] | false | undefined;
  try {
    found = await session.client.search(query, { uid: true });
  } catch (error) {
    throw session.fault(error);
  }
  if (!Array.isArray(found)) {
    throw new FaultError('ServerRefused', 'later', 'The server refused to list the messages (UID SEARCH).');
  }
  // `n:*` names the last message even where its UID is below n (RFC 3501 section 6.4.8).
  return [...new Set(found.filter((uid) => uid >= from))].sort((a, b) => a - b);
}

/**
 * Proves that messages can be read, and passes the stage `read`: the first byte of the newest message.
 *
 * @returns what was seen
 * @throws FaultError
 */
export async function readOne(session: Session): Promise<string> {
  if (session.exists === 0) return 'the folder is empty';
  try {
    const query = { uid: true, source: { start: 0, maxLength: 1 } };
    const message = await session.client.fetchOne('*', query);
    return message === false ? 'the newest message went away meanwhile' : `read message UID ${message.uid}`;
  } catch (error) {
    throw session.fault(error);
  }
}
