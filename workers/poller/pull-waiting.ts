import { timestamp } from '../process/clock.ts';
import { toFaultError } from '../process/fault-error.ts';
import type { Cursor } from './cursor.ts';
import { createDeletion, type Deletion } from './deletion.ts';
import { imapEnvelope } from './envelope.ts';
import { SIGHTING, type Sighting } from './memory.ts';
import type { PollOptions, PollServices } from './poll.ts';
import { type Pull, type Pulled, startPull } from './pull.ts';
import { leftovers } from './recall.ts';
import type { Session } from './session.ts';
import { sessionForPull } from './session-for-pull.ts';
import type { Taken } from './take-in.ts';

/** Messages that are asked for by one command, and commands in flight: enough that the server never waits for us. */
const RANGE = 250;
const IN_FLIGHT = 3;
/** How often the facts follow a long pull. */
const FACTS_MS = 1_000;

/** What one poll found to do. */
export interface Waiting {
  cursor: Cursor;
  /** UIDs to archive, ascending. */
  waiting: readonly number[];
  /** UIDs that an earlier poll archived and that are still at the source. */
  old: readonly number[];
  mayDelete: boolean;
  /** Counted up as messages become durable. */
  taken: Taken;
  tellSource(): void;
}

/**
 * Pulls what waits, and deletes what may be deleted, over one session or two (see {@link sessionForPull}). When it has
 * settled, so has every commit, and the cursor holds what is durable.
 *
 * @throws FaultError where the connection or the archive failed
 */
export async function pullWaiting(
  services: PollServices,
  options: PollOptions,
  control: Session,
  found: Waiting,
): Promise<void> {
  const { cursor, waiting, old, mayDelete, taken } = found;
  const { entry, board, state } = options;
  const session = await sessionForPull(services, options, control, waiting.length);
  // Holding the folder keeps imapflow's session alive while it only waits for deletions.
  const lock =
    session === control
      ? undefined
      : await control.client.getMailboxLock(entry.folder, { readOnly: entry.afterArchive === 'Keep' });
  let deleting: Promise<void> = Promise.resolve();
  const pull = begin(services, options, session, found, (uid, { stored, sha256 }) => {
    // In a new epoch nothing is deleted before all of it was compared with what is kept.
    if (deletion && stored && !cursor.rescanning) deleting = deletion.archived(uid, stored.position, sha256);
  });
  const deletion = mayDelete ? beginDeletion(services, options, found, pull, session, control) : undefined;

  const firstMissing: number[] = [];
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
      firstMissing.push(...uids.filter((uid) => !cursor.archived.has(uid)).slice(0, 1));
      throw error;
    }
    await deleting;
  };
  const ranges = rangesOf(waiting, state.suspects);
  const lane = async (): Promise<void> => {
    for (let next = ranges.shift(); next !== undefined; next = ranges.shift()) await fetch(next);
  };
  try {
    const ended = await Promise.allSettled(Array.from({ length: IN_FLIGHT }, lane));
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
    // Servers answer in order: the first one that is missing is the one at which it broke.
    if (firstMissing.length > 0) state.suspects.add(Math.min(...firstMissing));
    const fault = toFaultError(error);
    pull.channel.break(fault);
    throw fault;
  } finally {
    lock?.release();
    if (session !== control) session.close();
  }
}

function begin(
  { clock, log, budget, timeouts }: PollServices,
  { entry, board, state, logger, signal }: PollOptions,
  session: Session,
  { cursor, taken, tellSource }: Waiting,
  pulled: (uid: number, message: Pulled) => void,
): Pull {
  const { digests } = state;
  let toldAt = clock.monotonic();
  return startPull({
    session,
    log,
    budget,
    clock,
    silenceMs: timeouts.silenceMs,
    signal,
    envelope: (uid, internalDate, begunAt) =>
      imapEnvelope(entry, cursor.epoch, uid, internalDate, begunAt, timestamp(clock)),
    ...(digests && { known: (sha256) => digests.has(Buffer.from(sha256, 'hex').toString('latin1')) }),
    sighted: async (uid, sha256, length) => {
      const data: Sighting = { connection: entry.uid, ...cursor.epoch, uid, sha256, length };
      await log.appendEvent({ type: SIGHTING, at: timestamp(clock), data });
    },
    onPulled: (message) => {
      const { uid, length, sha256, stored, ms } = message;
      cursor.archived.add(uid);
      state.suspects.delete(uid);
      if (stored) {
        cursor.position = stored.position;
        taken.stored += 1;
        taken.storedBytes += length;
        board.stored(length);
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
        ms,
      });
      pulled(uid, message);
      if (clock.monotonic() - toldAt >= FACTS_MS) {
        toldAt = clock.monotonic();
        tellSource();
      }
    },
  });
}

function beginDeletion(
  { readBack }: PollServices,
  { board, logger }: PollOptions,
  { taken }: Waiting,
  { channel }: Pull,
  session: Session,
  control: Session,
): Deletion {
  const overPull = async (uids: string): Promise<void> => {
    await channel.run(`UID STORE ${uids} +FLAGS.SILENT (\\Deleted)`);
    await channel.run(`UID EXPUNGE ${uids}`);
  };
  return createDeletion({
    readBack,
    expunge: session === control ? overPull : (uids) => control.expunge(uids),
    onDeleted: (count) => {
      taken.deleted += count;
      board.counts.deleted += count;
      board.counted();
    },
    logger,
  });
}

/** Ranges in the order in which to fetch them: suspects last, each alone. */
function rangesOf(waiting: readonly number[], suspects: ReadonlySet<number>): number[][] {
  const good = waiting.filter((uid) => !suspects.has(uid));
  const ranges: number[][] = [];
  for (let at = 0; at < good.length; at += RANGE) ranges.push(good.slice(at, at + RANGE));
  for (const uid of waiting) if (suspects.has(uid)) ranges.push([uid]);
  return ranges;
}
