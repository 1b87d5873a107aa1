import { storeFault } from '../archive/fault.ts';
import { timestamp } from '../process/clock.ts';
import { FaultError } from '../process/fault-error.ts';
import { type Cursor, cursorPath, saveCursor } from './cursor.ts';
import { listUids } from './listing.ts';
import { listedSince, noteListing } from './mailbox-state.ts';
import type { PollOptions, PollServices } from './poll.ts';
import { pullWaiting } from './pull-waiting.ts';
import { establishCursor } from './recall.ts';
import type { Session } from './session.ts';

/** What a poll did, for its log line. */
export interface Taken {
  exists: number;
  waiting: number;
  stored: number;
  storedBytes: number;
  sighted: number;
  deleted: number;
  missed: number;
  /** The server refused some of what it listed. */
  refused?: FaultError;
}

/**
 * Takes in everything that waits in an open mailbox, and deletes at the source where that is wanted.
 *
 * @param control may be taken over, and is then of no more use
 * @throws FaultError where the connection or the archive failed; what was durable by then is in the cursor
 */
export async function takeIn(services: PollServices, options: PollOptions, control: Session): Promise<Taken> {
  const { clock, log } = services;
  const { entry, board, state } = options;
  await services.archiveOpened(options.signal);
  // A log that cannot take mail now is found out before anything is asked of the server.
  if (log.fault) throw new FaultError(log.fault.code, log.fault.retry, log.fault.message);
  const epoch = { host: entry.host, user: entry.user, folder: entry.folder, uidValidity: control.uidValidity };
  const cursor = await establishCursor(services, entry, state, epoch);

  const listed = await listUids(control, state.settledBelow);
  const waiting = listed.filter((uid) => !cursor.archived.has(uid));
  const at = timestamp(clock);
  noteListing(state, waiting, at);
  const taken: Taken = {
    exists: control.exists,
    waiting: waiting.length,
    stored: 0,
    storedBytes: 0,
    sighted: 0,
    deleted: 0,
    missed: 0,
  };
  let oldest = 0;
  const tellSource = (): void => {
    while (oldest < waiting.length && cursor.archived.has(waiting[oldest] ?? 0)) oldest += 1;
    const first = waiting[oldest];
    const since = first === undefined ? undefined : listedSince(state, first);
    board.sourceSeen({
      folder: entry.folder,
      at,
      exists: control.exists,
      uidNext: control.uidNext,
      uidValidity: control.uidValidity,
      waiting: waiting.length - taken.stored - taken.sighted,
      ...(since !== undefined && { oldestWaitingSince: since }),
    });
  };
  tellSource();

  const mayDelete = entry.afterArchive === 'Delete' && control.uidPlus && !control.readOnly;
  const old = mayDelete ? listed.filter((uid) => cursor.archived.has(uid)) : [];
  const archive = services.archivePath();
  const save = async (settled: boolean): Promise<void> => {
    try {
      await saveCursor(cursorPath(archive, entry.uid), log.archiveId, cursor, settled);
    } catch (error) {
      throw storeFault(error, archive);
    }
    state.cursorSaved = settled;
  };
  try {
    if (waiting.length > 0) await save(false);
    if (waiting.length > 0 || old.length > 0) {
      await pullWaiting(services, options, control, { cursor, waiting, old, mayDelete, taken, tellSource });
    }
    listingTried(cursor, waiting, taken, options, control);
  } finally {
    // Whatever ended it: all commits have settled by now, so the cursor says what the log says.
    if (!state.cursorSaved) await save(true);
    tellSource();
  }
  return taken;
}

/** Everything that was listed was tried: what is settled need not be listed again. */
function listingTried(
  cursor: Cursor,
  waiting: readonly number[],
  taken: Taken,
  { state }: PollOptions,
  control: Session,
): void {
  const pending = new Set(waiting.filter((uid) => !cursor.archived.has(uid)));
  for (const uid of state.suspects) if (!pending.has(uid)) state.suspects.delete(uid);
  const [oldest] = pending;
  const next = Math.max(control.uidNext, (waiting.at(-1) ?? 0) + 1, state.settledBelow);
  if (oldest !== undefined || taken.refused !== undefined) {
    state.settledBelow = Math.min(oldest ?? state.settledBelow, next);
  } else if (cursor.rescanning) {
    // The next poll lists everything once more, since only now it may be deleted.
    cursor.rescanning = false;
    state.cursorSaved = false;
    delete state.digests;
  } else state.settledBelow = next;
}
