import type { Envelope } from '../archive/log.ts';
import { timestamp } from '../process/clock.ts';
import type { PollerConnection } from '../process/contract.ts';
import { FaultError, toFaultError } from '../process/fault-error.ts';
import { type Cursor, cursorPath, saveCursor } from './cursor.ts';
import { createDeletion, type Deletion } from './deletion.ts';
import { listUids } from './listing.ts';
import { listedSince, noteListing } from './mailbox-state.ts';
import { SIGHTING, type Sighting } from './memory.ts';
import type { PollOptions, PollServices } from './poll.ts';
import { type Pulled, startPull } from './pull.ts';
import { establishCursor, leftovers } from './recall.ts';
import { openSession, type Session } from './session.ts';
import { recordStages } from './stages.ts';

/** Messages that are asked for by one command, and commands in flight: enough that the server never waits for us. */
const RANGE = 250;
const IN_FLIGHT = 3;
/** How often the facts follow a long pull. */
const FACTS_MS = 1_000;

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
 * Pulls everything that waits in an open mailbox, and deletes at the source where that is wanted.
 *
 * With two sessions the control session stays imapflow's, for deleting while a second one pulls. With one, or where
 * the server refuses a second, the control session itself is taken over, and both go over it.
 *
 * @throws FaultError where the connection or the archive failed; what was durable by then is in the cursor
 */
export async function takeIn(services: PollServices, options: PollOptions, control: Session): Promise<Taken> {
  const { clock, log } = services;
  const { entry, board, state } = options;
  await services.archiveOpened(options.signal);
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
  const path = cursorPath(services.archivePath(), entry.uid);
  const save = async (settled: boolean): Promise<void> => {
    await saveCursor(path, log.archiveId, cursor, settled);
    state.cursorSaved = settled;
  };
  try {
    if (waiting.length > 0) await save(false);
    if (waiting.length > 0 || old.length > 0) {
      await work(services, options, control, cursor, { waiting, old, mayDelete, taken, tellSource });
    }
    listingTried(cursor, waiting, taken, options, control);
  } finally {
    // Whatever ended it: all commits have settled by now, so the cursor says what the log says.
    if (!state.cursorSaved) await save(true);
    tellSource();
  }
  return taken;
}

interface Work {
  waiting: readonly number[];
  /** Archived by an earlier poll and still at the source. */
  old: readonly number[];
  mayDelete: boolean;
  taken: Taken;
  tellSource(): void;
}

async function work(
  services: PollServices,
  options: PollOptions,
  control: Session,
  cursor: Cursor,
  { waiting, old, mayDelete, taken, tellSource }: Work,
): Promise<void> {
  const { clock, log, budget, timeouts, readBack } = services;
  const { entry, board, state, logger, signal } = options;
  const session = await pullSession(services, options, control);
  let deletion: Deletion | undefined;
  let toldAt = clock.monotonic();
  let deleting: Promise<void> = Promise.resolve();

  const onPulled = (message: Pulled): void => {
    const { uid, length, sha256, stored } = message;
    cursor.archived.add(uid);
    state.suspects.delete(uid);
    if (stored) {
      cursor.position = stored.position;
      taken.stored += 1;
      taken.storedBytes += length;
      board.stored(length);
      // In a new epoch nothing is deleted before all of it was compared with what is kept.
      if (deletion && !cursor.rescanning) deleting = deletion.archived(uid, stored.position, sha256);
    } else {
      taken.sighted += 1;
      state.sighted += 1;
    }
    logger.info(stored ? 'message-stored' : 'message-sighted', {
      peer: session.peer,
      folder: entry.folder,
      uidValidity: cursor.epoch.uidValidity,
      uid,
      size: length,
      sha256,
      ...(stored && { writer: stored.position.writer, number: stored.position.number }),
      ms: message.ms,
    });
    if (clock.monotonic() - toldAt >= FACTS_MS) {
      toldAt = clock.monotonic();
      tellSource();
    }
  };
  const { digests } = state;
  const pull = startPull({
    session,
    log,
    budget,
    clock,
    silenceMs: timeouts.silenceMs,
    signal,
    envelope: (uid, internalDate, begunAt) => envelope(entry, cursor, uid, internalDate, begunAt, timestamp(clock)),
    ...(digests && { known: (sha256) => digests.has(Buffer.from(sha256, 'hex').toString('latin1')) }),
    sighted: async (uid, sha256, length) => {
      const data: Sighting = { connection: entry.uid, ...cursor.epoch, uid, sha256, length };
      await log.appendEvent({ type: SIGHTING, at: timestamp(clock), data });
    },
    onPulled,
  });
  if (mayDelete) {
    deletion = createDeletion({
      readBack,
      expunge:
        session === control
          ? async (uids) => {
              await pull.channel.run(`UID STORE ${uids} +FLAGS.SILENT (\\Deleted)`);
              await pull.channel.run(`UID EXPUNGE ${uids}`);
            }
          : (uids) => expungeByControl(control, uids),
      onDeleted: (count) => {
        taken.deleted += count;
        board.counts.deleted += count;
        board.counted();
      },
      logger,
    });
  }
  const lock = session === control ? undefined : await control.client.getMailboxLock(entry.folder);

  const fetch = async (uids: readonly number[]): Promise<void> => {
    board.counts.begun += uids.length;
    board.counted();
    try {
      const { missed, refused } = await pull.fetch(uids);
      for (const uid of missed) state.suspects.add(uid);
      taken.missed += missed.length;
      state.missed += missed.length;
      // EXPUNGEISSUED (RFC 5530): somebody deleted messages meanwhile, and the next listing will lack them.
      if (refused && !/\[EXPUNGEISSUED\]/i.test(refused.serverText ?? '')) taken.refused ??= refused;
    } catch (error) {
      // Servers answer in order: the first one that is missing is the one at which it broke.
      const first = uids.find((uid) => !cursor.archived.has(uid));
      if (first !== undefined) broke.push(first);
      throw error;
    }
    await deleting;
  };
  const broke: number[] = [];
  const ranges = plan(waiting, state.suspects);
  const worker = async (): Promise<void> => {
    for (let next = ranges.shift(); next !== undefined; next = ranges.shift()) await fetch(next);
  };
  try {
    const ended = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, worker));
    const failed = ended.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    if (deletion && !cursor.rescanning) {
      for (const { uid, position, sha256 } of await leftovers(services, entry, cursor, old)) {
        await deletion.archived(uid, position, sha256);
      }
      await deletion.finish();
    }
    await pull.channel.logout();
  } catch (error) {
    const poison = Math.min(...broke);
    if (Number.isFinite(poison)) state.suspects.add(poison);
    const fault = toFaultError(error);
    pull.channel.break(fault);
    throw fault;
  } finally {
    lock?.release();
    if (session !== control) session.close();
  }
}

/** The session to pull over: a second one where it may be had, else the control session itself. */
async function pullSession(services: PollServices, options: PollOptions, control: Session): Promise<Session> {
  const { egress, resolve, timeouts, software, clock } = services;
  const { entry, state, signal, gate, logger } = options;
  if (entry.maxSessions === 1 || state.oneSession) return control;
  try {
    const second = await gate.run(
      () => openSession({ entry, egress: egress(), resolve, timeouts, software, signal }, recordStages(clock)),
      signal,
    );
    if (second.uidValidity === control.uidValidity) return second;
    second.close();
    throw new FaultError('ServerRefused', 'later', 'The folder was replaced while it was polled (UIDVALIDITY).');
  } catch (error) {
    signal.throwIfAborted();
    const fault = toFaultError(error);
    if (!control.client.usable) throw fault;
    // The first session passed the same stages a moment ago, so it is being a second one that was refused.
    state.oneSession = true;
    logger.info('one-session', { text: fault.serverText ?? fault.message });
    return control;
  }
}

async function expungeByControl(control: Session, uids: string): Promise<void> {
  try {
    // With UIDPLUS, which was made sure of, this is UID EXPUNGE, never the bare one that takes other people's marks along.
    if (await control.client.messageDelete(uids, { uid: true })) return;
  } catch (error) {
    throw control.fault(error);
  }
  throw new FaultError('ServerRefused', 'later', 'The server refused to delete messages that are archived.');
}

/** Ranges in the order in which to fetch them: suspects last, each alone. */
function plan(waiting: readonly number[], suspects: ReadonlySet<number>): number[][] {
  const good = waiting.filter((uid) => !suspects.has(uid));
  const ranges: number[][] = [];
  for (let at = 0; at < good.length; at += RANGE) ranges.push(good.slice(at, at + RANGE));
  for (const uid of waiting) if (suspects.has(uid)) ranges.push([uid]);
  return ranges;
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

function envelope(
  { uid: connection, namespace, name, generation, host, port, user, folder }: PollerConnection,
  { epoch }: Cursor,
  uid: number,
  internalDate: string | undefined,
  begunAt: string,
  receivedAt: string,
): Envelope {
  const { uidValidity } = epoch;
  return {
    targets: [{ namespace, name, uid: connection, generation }],
    retention: 'mail',
    capture: {
      kind: 'imap',
      host,
      port,
      user,
      folder,
      uidValidity,
      uid,
      ...(internalDate !== undefined && { internalDate }),
    },
    begunAt,
    receivedAt,
  };
}
