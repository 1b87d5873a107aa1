import { createHash, type Hash } from 'node:crypto';
import type { ArchiveLog, Envelope, MessageBody, Stored } from '../archive/log.ts';
import type { ByteBudget } from '../process/byte-budget.ts';
import { type Clock, timestamp } from '../process/clock.ts';
import { FaultError, toFaultError } from '../process/fault-error.ts';
import { type Channel, takeOver } from './channel.ts';
import type { FetchedMessage } from './fetch-response.ts';
import type { Session } from './session.ts';
import type { LiteralSink } from './splitter.ts';
import { sequenceSet } from './uid-set.ts';

/** A larger message streams to disk, so it never holds more of the budget than this. */
const WINDOW_BYTES = 2 * 1024 * 1024;
/** The largest message that is taken. A size beyond is a broken server. */
const MESSAGE_BYTES = 1024 * 1024 * 1024;

/** A message that is durable now. */
export interface Pulled {
  uid: number;
  internalDate?: string;
  length: number;
  sha256: string;
  /** Absent where the bytes were kept already, and only the sighting is noted. */
  stored?: Stored;
  /** From the first byte to durable. */
  ms: number;
}

export interface PullOptions {
  session: Session;
  log: ArchiveLog;
  budget: ByteBudget;
  clock: Clock;
  silenceMs: number;
  signal: AbortSignal;
  envelope(uid: number, internalDate: string | undefined, begunAt: string): Envelope;
  /** During a rescan: true where the archive holds these bytes already. */
  known?: (sha256: string) => boolean;
  /** Notes a known message; resolves when the note is durable. */
  sighted(uid: number, sha256: string, length: number): Promise<void>;
  /** Called for each message once it is durable, in no order. */
  onPulled(message: Pulled): void;
}

/** Pulls messages over one connection. */
export interface Pull {
  readonly channel: Channel;
  /**
   * Fetches these, and resolves when all that came is durable. May run several times at once.
   *
   * @param uids ascending, none of them in flight already
   * @returns those that the server did not send, and its words where it refused
   * @throws FaultError where the connection or the archive failed
   */
  fetch(uids: readonly number[]): Promise<{ missed: number[]; refused?: FaultError }>;
}

interface Range {
  commits: Promise<void>[];
}

export function startPull(options: PullOptions): Pull {
  const { session, log, budget, clock } = options;
  const wanted = new Map<number, Range>();
  const open = new Set<Incoming>();
  const ended = new AbortController();

  const channel = takeOver(session, options.silenceMs, options.signal, {
    body: (length) => {
      if (length > MESSAGE_BYTES) {
        throw new FaultError('ProtocolError', 'later', `The server announced a message of ${length} bytes.`);
      }
      const incoming = new Incoming(log.begin(), channel, clock, options.known !== undefined);
      open.add(incoming);
      const bytes = Math.min(length, WINDOW_BYTES);
      if (budget.tryTake(bytes)) incoming.held = bytes;
      else {
        const granted = budget.take(bytes, ended.signal).then(() => {
          incoming.held = bytes;
          if (!open.has(incoming)) release(incoming);
        });
        channel.wait(granted);
      }
      return incoming;
    },
    fetched: (message) => {
      const range = message.uid === undefined ? undefined : wanted.get(message.uid);
      if (message.uid === undefined || range === undefined || message.body === undefined) {
        // Flags that changed, or a message that nobody asked for.
        if (message.body instanceof Incoming) drop(message.body);
        return;
      }
      wanted.delete(message.uid);
      range.commits.push(keep(message.uid, message, message.body));
    },
    broken: (fault) => {
      ended.abort(fault);
      for (const incoming of open) drop(incoming);
    },
  });

  const release = (incoming: Incoming): void => {
    budget.give(incoming.held);
    incoming.held = 0;
  };
  const drop = (incoming: Incoming): void => {
    open.delete(incoming);
    incoming.body.abort();
    release(incoming);
  };
  const incomingOf = (body: LiteralSink | Buffer): Incoming => {
    if (body instanceof Incoming) return body;
    const incoming = new Incoming(log.begin(), channel, clock, options.known !== undefined);
    open.add(incoming);
    if (Buffer.isBuffer(body) && body.length > 0) incoming.write(body);
    return incoming;
  };

  const keep = async (uid: number, message: FetchedMessage, body: LiteralSink | Buffer): Promise<void> => {
    try {
      const incoming = incomingOf(body);
      // From here on it is ours to finish, also where the connection breaks.
      open.delete(incoming);
      try {
        options.onPulled(await finish(uid, message.internalDate, incoming));
      } finally {
        release(incoming);
      }
    } catch (error) {
      channel.break(toFaultError(error));
    }
  };
  const finish = async (uid: number, internalDate: string | undefined, incoming: Incoming): Promise<Pulled> => {
    const { length } = incoming.body;
    const sha256 = incoming.hash?.digest('hex');
    const told = { uid, length, ...(internalDate !== undefined && { internalDate }) };
    const ms = (): number => Math.round(clock.monotonic() - incoming.since);
    if (sha256 !== undefined && options.known?.(sha256)) {
      incoming.body.abort();
      await options.sighted(uid, sha256, length);
      return { ...told, sha256, ms: ms() };
    }
    const stored = await incoming.body.commit(options.envelope(uid, internalDate, incoming.begunAt));
    return { ...told, sha256: stored.sha256, stored, ms: ms() };
  };

  return {
    channel,
    fetch: async (uids) => {
      const range: Range = { commits: [] };
      for (const uid of uids) wanted.set(uid, range);
      let refused: FaultError | undefined;
      try {
        await channel.run(`UID FETCH ${sequenceSet(uids)} (UID INTERNALDATE BODY.PEEK[])`);
      } catch (error) {
        refused = toFaultError(error);
      }
      await Promise.all(range.commits);
      const missed = uids.filter((uid) => wanted.delete(uid));
      if (channel.broken) throw channel.broken;
      return { missed, ...(refused && { refused }) };
    },
  };
}

/** One message on its way in. */
class Incoming implements LiteralSink {
  readonly body: MessageBody;
  readonly begunAt: string;
  readonly since: number;
  /** Only during a rescan: the log hashes again what it keeps. */
  readonly hash: Hash | undefined;
  /** Bytes of the budget. */
  held = 0;
  readonly #channel: Channel;

  constructor(body: MessageBody, channel: Channel, clock: Clock, hashed: boolean) {
    this.body = body;
    this.#channel = channel;
    this.begunAt = timestamp(clock);
    this.since = clock.monotonic();
    this.hash = hashed ? createHash('sha256') : undefined;
  }

  write(chunk: Buffer): void {
    this.hash?.update(chunk);
    if (!this.body.write(chunk)) this.#channel.wait(this.body.drained());
  }
}
