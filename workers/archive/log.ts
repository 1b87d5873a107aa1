import { randomBytes } from 'node:crypto';
import type { Registry } from 'prom-client';
import { createByteBudget } from '../process/byte-budget.ts';
import { type Clock, timestamp } from '../process/clock.ts';
import type { ArchiveTarget, Fault, ObjectName } from '../process/contract.ts';
import { FaultError } from '../process/fault-error.ts';
import type { Logger } from '../process/logger.ts';
import { createBody, HEAD_ROOM } from './body.ts';
import { createCommitMetrics } from './commit-metrics.ts';
import { storeFault } from './fault.ts';
import { watchFreeSpace } from './free-space.ts';
import { type CommitEntry, createGroupCommit } from './group-commit.ts';
import { openIdentity } from './identity.ts';
import { createDurableMark, startMarkWriter } from './mark.ts';
import { frameEvent, frameMessage, frameSegmentEnd, type Origin } from './metadata.ts';
import { createSegments } from './segments.ts';
import type { LargeWriter, Store } from './store.ts';
import { openFileStore } from './store-file.ts';
import { startTidying } from './tidy.ts';
import { warcinfoRecord } from './warc.ts';

/** Where a record stands: the writer's random id and the record's number with that writer, from 1. Never a byte offset. */
export interface Position {
  writer: string;
  number: number;
}

/** A connection that a message was captured for; several where one SMTP transaction served several. */
export interface CaptureTarget extends ObjectName {
  uid: string;
  generation: number;
}

/** How a message came in by SMTP. */
export interface SmtpCapture {
  kind: 'smtp';
  peer: { address: string; port: number };
  helo: string;
  /** Absent where the session was not encrypted. */
  tls?: { version: string; cipher: string };
  /** MAIL FROM without angle brackets; empty: the null reverse-path. */
  mailFrom: string;
  /** RCPT TO as the peer wrote them, without angle brackets. */
  rcptTo: string[];
}

/** How a message was pulled by IMAP. */
export interface ImapCapture {
  kind: 'imap';
  host: string;
  port: number;
  user: string;
  folder: string;
  uidValidity: string;
  uid: number;
  /** As the server gave it, RFC 3501 date-time. */
  internalDate?: string;
}

/** All that is known of a message beside its bytes. Becomes the metadata record, with what the log adds itself. */
export interface Envelope {
  targets: CaptureTarget[];
  /** Retention class. Canaries have their own and are left out of counts and exports. */
  retention: 'mail' | 'canary';
  capture: SmtpCapture | ImapCapture;
  /** RFC 3339: when the first and the last byte of the message came. */
  begunAt: string;
  receivedAt: string;
}

/** An event in the same log, so that one chain proves mail and deeds. `type` in kebab-case. */
export interface LogEvent {
  type: string;
  at: string;
  data: Record<string, unknown>;
}

/** What `commit` and `append` resolve to, once the bytes are on stable storage. */
export interface Stored {
  position: Position;
  length: number;
  /** Lower-case hex SHA-256 of exactly the bytes that were written. */
  sha256: string;
}

/**
 * The bytes of one message on their way into the log. Up to the store's threshold they are collected in memory and join
 * the group commit; past it, or where memory is short, they stream to a segment of their own.
 *
 * `write` takes ownership of the chunk: the caller must not change its bytes afterwards. It returns false where the
 * caller should stop reading its source until `drained()` resolves. Exactly one of `commit` and `abort` ends a body; a
 * cut connection or a message over the limit aborts, and leaves nothing behind.
 */
export interface MessageBody {
  readonly length: number;
  write(chunk: Buffer): boolean;
  /** Resolves when more may be written. After a store failure at once: what is written is dropped, and commit says why. */
  drained(): Promise<void>;
  /**
   * Resolves when the message and its envelope are on stable storage: only then may it be acknowledged.
   * @throws FaultError ArchiveFull | ArchiveNotWritable, both retry: 'later'. Nothing of the message is then readable.
   */
  commit(envelope: Envelope): Promise<Stored>;
  abort(): void;
}

/**
 * The archive log: append-only, exact bytes, one write and one fdatasync for many messages. One per process; the writer
 * id is new at each start.
 */
export interface ArchiveLog {
  readonly archiveId: string;
  readonly writer: string;
  /** Starts a message. Throws FaultError ArchiveFull or ArchiveNotWritable where intake is stopped. */
  begin(): MessageBody;
  /** A whole message at once: begin, write, commit. */
  append(message: Buffer, envelope: Envelope): Promise<Stored>;
  appendEvent(event: LogEvent): Promise<Position>;
  /** What stops intake now, if anything: the free-space reserve, a folder that cannot be written. */
  readonly fault: Fault | undefined;
  /** Called when `fault` or the last commit changed. */
  onChange(listener: () => void): void;
  readonly lastCommitAt: string | undefined;
  readonly freeBytes: number | undefined;
  /** Commits what waits, marks the writer closed, releases files. Bodies still open are aborted. */
  close(): Promise<void>;
}

/** Bytes of message bodies in memory, where the caller does not say. */
const MEMORY_BYTES = 64 * 1024 * 1024;
/** How often a store that failed is tried again. */
const PROBE_MS = 1_000;

export interface LogOptions {
  target: ArchiveTarget;
  clock: Clock;
  logger: Logger;
  /** `Mailhold/0.1.0`. */
  software: string;
  /** Random id of this writer, 32 hex digits; new at each start of a process. */
  writer?: string;
  /** Another store than the folder of `target`. */
  store?: Store;
  memoryBytes?: number;
  registry?: Registry;
}

/**
 * Opens the archive for writing, making its identity where the folder is empty.
 *
 * @throws FaultError ArchiveNotWritable | ArchiveFull where the folder is missing or cannot be written
 */
export async function openArchiveLog(options: LogOptions): Promise<ArchiveLog> {
  const { target, clock, logger, software } = options;
  const writer = options.writer ?? randomBytes(16).toString('hex');
  const toFault = (error: unknown): FaultError => storeFault(error, target.path);
  try {
    const store = options.store ?? (await openFileStore(target.path));
    const archive = await openIdentity(store, timestamp(clock));
    const origin: Origin = { archive, writer, software };
    return await startLog(options, store, origin, toFault);
  } catch (error) {
    logger.error('archive-not-opened', { archive: target.path, error: toFault(error).message });
    throw toFault(error);
  }
}

async function startLog(
  { target, clock, logger, memoryBytes, registry }: LogOptions,
  store: Store,
  origin: Origin,
  toFault: (error: unknown) => FaultError,
): Promise<ArchiveLog> {
  const listeners: (() => void)[] = [];
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const memory = createByteBudget(memoryBytes ?? MEMORY_BYTES);
  const metrics = registry && createCommitMetrics(registry);
  const segments = createSegments(store, origin, clock);
  await segments.prove();
  const space = await watchFreeSpace(store, target.path, target.reserveBytes, changed);
  const numbers = createDurableMark();
  const mark = startMarkWriter(
    store,
    origin.writer,
    () => numbers.durable,
    (error) => logger.warn('mark-not-written', { error: toFault(error).message }),
  );
  const bodies = new Set<MessageBody>();
  let lastNumber = 0;
  let lastCommitAt: string | undefined;
  let fault: Fault | undefined;
  let probe: NodeJS.Timeout | undefined;
  let closed = false;

  const nextNumber = (): number => {
    lastNumber += 1;
    return lastNumber;
  };
  const worked = (bytes: number): void => {
    lastCommitAt = timestamp(clock);
    space.wrote(bytes);
    metrics?.free(space.bytes);
    mark.committed();
    fault = undefined;
    changed();
  };
  const failed = (error: unknown): FaultError => {
    const told = toFault(error);
    metrics?.failed();
    if (fault?.message !== told.message) logger.error('archive-write-failed', { error: told.message });
    fault = told.toFault();
    if (!closed) probe ??= setTimeout(probeAgain, PROBE_MS);
    changed();
    return told;
  };
  /** After a failure nobody may be writing any more, since intake is refused: find out whether it works again. */
  const probeAgain = (): void => {
    probe = undefined;
    if (closed || fault === undefined) return;
    segments.prove().then(() => {
      fault = undefined;
      changed();
    }, failed);
  };

  const group = createGroupCommit(async (batch) => {
    const began = clock.monotonic();
    const bytes = batch.reduce((sum, entry) => sum + entry.bytes, 0);
    try {
      await segments.commit(batch);
    } catch (error) {
      throw failed(error);
    } finally {
      for (const entry of batch) numbers.settle(entry.number);
    }
    metrics?.committed(batch.length, bytes, (clock.monotonic() - began) / 1000);
    worked(bytes);
  });
  const commit = (number: number, parts: Buffer[], messageBytes: number | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      const entry: CommitEntry = { number, parts, bytes, messageBytes, resolve, reject };
      group.add(entry);
    });
  const refuseWhileClosed = (): void => {
    if (closed) throw new FaultError('ArchiveNotWritable', 'later', 'The archive is being closed.');
  };

  const commitSmall = async (parts: Buffer[], length: number, sha256: string, envelope: Envelope): Promise<Stored> => {
    refuseWhileClosed();
    const number = nextNumber();
    const { head, tail } = frameMessage(origin, number, length, sha256, envelope);
    await commit(number, [Buffer.from(head), ...parts, Buffer.from(tail)], length);
    return { position: { writer: origin.writer, number }, length, sha256 };
  };
  const commitLarge = async (
    large: LargeWriter,
    length: number,
    sha256: string,
    envelope: Envelope,
  ): Promise<Stored> => {
    const number = nextNumber();
    const { head, tail } = frameMessage(origin, number, length, sha256, envelope);
    const at = timestamp(clock);
    const end = frameSegmentEnd(at, origin, { messages: 1, events: 0, messageBytes: length });
    const info = warcinfoRecord(at, origin.software, origin.archive, HEAD_ROOM - Buffer.byteLength(head));
    const began = clock.monotonic();
    try {
      await large.write([Buffer.from(tail), Buffer.from(end)]);
      await large.finish(Buffer.from(info + head), number);
    } catch (error) {
      await large.discard().catch(toFault);
      throw failed(error);
    } finally {
      numbers.settle(number);
    }
    metrics?.committed(1, length, (clock.monotonic() - began) / 1000);
    worked(length);
    return { position: { writer: origin.writer, number }, length, sha256 };
  };
  const appendEvent = async (event: LogEvent): Promise<Position> => {
    refuseWhileClosed();
    const number = nextNumber();
    await commit(number, [Buffer.from(frameEvent(origin, number, event))], undefined);
    return { writer: origin.writer, number };
  };
  const begin = (): MessageBody => {
    refuseWhileClosed();
    const now = fault ?? space.fault;
    if (now) throw new FaultError(now.code, now.retry, now.message);
    const body = createBody({
      largeFrom: store.largeFrom,
      memory,
      openLarge: () => store.createLarge(origin.writer),
      commitSmall,
      commitLarge,
      fail: failed,
      ended: (ended) => bodies.delete(ended),
    });
    bodies.add(body);
    return body;
  };
  const tidying = startTidying({ store, writer: origin.writer, clock, logger, appendEvent });

  return {
    archiveId: origin.archive,
    writer: origin.writer,
    begin,
    append: async (message, envelope) => {
      const body = begin();
      body.write(message);
      return body.commit(envelope);
    },
    appendEvent,
    get fault() {
      return fault ?? space.fault;
    },
    onChange: (listener) => listeners.push(listener),
    get lastCommitAt() {
      return lastCommitAt;
    },
    get freeBytes() {
      return space.bytes;
    },
    close: async () => {
      if (closed) return;
      closed = true;
      clearTimeout(probe);
      space.close();
      await tidying.close();
      for (const body of bodies) body.abort();
      await group.idle();
      await segments.close().catch(failed);
      await mark.close();
    },
  };
}
