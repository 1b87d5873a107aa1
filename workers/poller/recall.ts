import type { Position } from '../archive/log.ts';
import type { PollerConnection } from '../process/contract.ts';
import { type Cursor, cursorPath, type Epoch, loadCursor, sameEpoch } from './cursor.ts';
import type { MailboxState } from './mailbox-state.ts';
import type { PollServices } from './poll.ts';
import { UidSet } from './uid-set.ts';

/**
 * The cursor for this epoch: the one in memory, the file's where it holds, else rebuilt from the log. A new epoch of a
 * folder that has been archived before begins a rescan, for which the digests of the others are remembered.
 */
export async function establishCursor(
  { log, memory, archivePath }: PollServices,
  { uid, folder }: PollerConnection,
  state: MailboxState,
  epoch: Epoch,
): Promise<Cursor> {
  if (state.cursor && sameEpoch(state.cursor.epoch, epoch)) return state.cursor;
  forgetEpoch(state);
  const saved = await loadCursor(cursorPath(archivePath(), uid), log.archiveId, memory.holds);
  if (saved && sameEpoch(saved.epoch, epoch) && !saved.rescanning) {
    state.cursor = saved;
    state.cursorSaved = true;
    return saved;
  }
  const archived = new UidSet();
  const digests = new Set<string>();
  let position: Position | undefined;
  await memory.recall(uid, (remembered) => {
    if (sameEpoch(remembered.epoch, epoch)) {
      archived.add(remembered.uid);
      position = remembered.position ?? position;
    } else if (remembered.epoch.folder === folder) {
      digests.add(Buffer.from(remembered.sha256, 'hex').toString('latin1'));
    }
  });
  const cursor: Cursor = { epoch, archived, rescanning: digests.size > 0, ...(position && { position }) };
  if (cursor.rescanning) state.digests = digests;
  state.cursor = cursor;
  return cursor;
}

function forgetEpoch(state: MailboxState): void {
  delete state.cursor;
  state.cursorSaved = false;
  delete state.digests;
  state.settledBelow = 1;
  state.suspects.clear();
  state.listings = [];
}

/**
 * Where these messages of the epoch stand in the archive, which an earlier poll or process put there and which are
 * still at the source: it was killed before it deleted them, or they were kept until now.
 */
export async function leftovers(
  { memory }: PollServices,
  { uid: connection }: PollerConnection,
  { epoch }: Cursor,
  uids: readonly number[],
): Promise<{ uid: number; position: Position; sha256: string }[]> {
  if (uids.length === 0) return [];
  const asked = new Set(uids);
  const digestOf = new Map<number, string>();
  const kept = new Map<string, Position>();
  await memory.recall(connection, ({ epoch: its, uid, sha256, position }) => {
    // A sighting has no bytes of its own; another epoch's record holds them.
    if (position) kept.set(sha256, position);
    if (asked.has(uid) && sameEpoch(its, epoch)) digestOf.set(uid, sha256);
  });
  return [...digestOf].flatMap(([uid, sha256]) => {
    const position = kept.get(sha256);
    return position ? [{ uid, position, sha256 }] : [];
  });
}
