import { randomBytes } from 'node:crypto';
import type { Registry } from 'prom-client';
import { type Clock, timestamp } from '../process/clock.ts';
import type { ArchiveTarget, Fault, ObjectName } from '../process/contract.ts';
import type { FaultError } from '../process/fault-error.ts';
import type { Logger } from '../process/logger.ts';
import { storeFault } from './fault.ts';
import { openIdentity } from './identity.ts';
import { startLog } from './running-log.ts';
import type { Store } from './store.ts';
import { openFileStore } from './store-file.ts';

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
  /** Bytes of message bodies in memory; 64 MiB where the caller does not say. */
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
    const origin = { archive, writer, software };
    return await startLog(options, store, origin, toFault);
  } catch (error) {
    logger.error('archive-not-opened', { archive: target.path, error: toFault(error).message });
    throw toFault(error);
  }
}
