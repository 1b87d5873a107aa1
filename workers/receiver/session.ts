import type { ArchiveLog, Stored } from '../archive/log.ts';
import { type Clock, timestamp } from '../process/clock.ts';
import { toFaultError } from '../process/fault-error.ts';
import type { Logger } from '../process/logger.ts';
import { parseChunk } from './bdat.ts';
import { foldVerb, lineText, parseMail, parseRcpt, Verb } from './command.ts';
import { CommandLines } from './command-lines.ts';
import { DataParser } from './data.ts';
import type { Handshakes } from './handshakes.ts';
import { IncomingMessage, type Outcome } from './incoming-message.ts';
import type { Limits } from './limits.ts';
import { decide } from './policy.ts';
import type { PeerAddress } from './ranges.ts';
import { type Reply, replies, replyToFault } from './replies.ts';
import type { Recipient, Served } from './served.ts';
import { Deadlines, type Timeouts } from './timeouts.ts';

/** Input that came while a message was being made durable is kept up to here; then reading stops. */
const QUEUE_BYTES = 256 * 1024;
/** Protocol errors of a session before it is ended. */
const MOST_ERRORS = 20;
/** Commands in a row that bring no message forward before the session is ended. */
const MOST_IDLE_COMMANDS = 500;

/** What a session needs of the receiver; the same object for all of them. */
export interface SessionServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly log: ArchiveLog;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly handshakes: Handshakes;
  /** What is served now. */
  served(): Served;
  /** False where the certificate is unusable: STARTTLS is not offered then. */
  tlsUsable(): boolean;
  /** True for an EHLO name that marks a self-test. */
  isSelfTest(helo: string): boolean;
  unknownRecipient(peer: string): void;
  /** Every refusal, for the metrics. */
  refused(reply: Reply): void;
  /** A message is durable and its reply on the way. @param ms since its last byte */
  acknowledged(ms: number): void;
}

/** The session's way to its socket. */
export interface Wire {
  send(text: string): void;
  /** Stops and goes on with reading from the peer. */
  pause(): void;
  resume(): void;
  /** Sends the reply to STARTTLS and wraps the socket; `Session.secured` follows. */
  startTls(line: string): void;
  /** Sends, closes our side, and drops what the peer still sends. */
  end(text: string): void;
  destroy(): void;
}

const Phase = {
  Command: 0,
  Data: 1,
  /** Within the bytes of a BDAT. */
  Chunk: 2,
  /** The message is being made durable, and its reply is owed. */
  Commit: 3,
  Handshake: 4,
  Over: 5,
} as const;

/** MAIL and its RCPTs. */
interface Transaction {
  mailFrom: string;
  smtpUtf8: boolean;
  binary: boolean;
  /** SIZE of MAIL, 0 where it gave none. */
  declared: number;
  rcptTo: string[];
  recipients: Recipient[];
  /** A chunk of it was refused: all that is left is RSET (RFC 3030 2). */
  failed: boolean;
}

/**
 * One SMTP session (RFC 5321): bytes in, replies out, messages into the log. It knows no socket and owns no timer; the
 * receiver's sweep asks it about its deadlines.
 *
 * Replies gather in one string, which leaves once per chunk of input and once per commit. While a commit is pending,
 * pipelined input waits in a bounded queue, so that replies keep their order.
 */
export class Session {
  readonly peer: PeerAddress;
  readonly #port: number;
  readonly #services: SessionServices;
  readonly #wire: Wire;
  readonly #deadlines: Deadlines;
  readonly #lines = new CommandLines();
  readonly #data = new DataParser();
  readonly #begunAt: number;

  #phase: number = Phase.Command;
  #out = '';
  #helo = '';
  #tls: { version: string; cipher: string } | undefined;
  #selfTest = false;
  #transaction: Transaction | undefined;
  #message: IncomingMessage | undefined;
  #chunk = { left: 0, size: 0, last: false };
  #chunkRefusal: Reply | undefined;
  #queue: Buffer[] = [];
  #queued = 0;
  /** The message for which the log asked to stop reading. */
  #starved: IncomingMessage | undefined;
  /** The socket is closed. */
  #gone = false;
  #inputEnded = false;
  #draining = false;
  #peerCounted = true;
  #joined: Recipient[] = [];
  #errors = 0;
  #idleCommands = 0;
  #stored = 0;
  #refusals = 0;
  #ending = 'closed';

  constructor(services: SessionServices, wire: Wire, peer: PeerAddress, port: number) {
    this.#services = services;
    this.#wire = wire;
    this.peer = peer;
    this.#port = port;
    this.#deadlines = new Deadlines(services.timeouts);
    this.#begunAt = services.clock.monotonic();
  }

  greet(): void {
    this.#wire.send(this.#services.served().greeting.greeting);
    this.#deadlines.expect(this.#begunAt, 'command');
  }

  /** Bytes of the peer. The session owns them. */
  receive(chunk: Buffer): void {
    if (this.#phase === Phase.Over) return;
    if (this.#phase === Phase.Commit) {
      this.#queue.push(chunk);
      this.#queued += chunk.length;
      if (this.#queued > QUEUE_BYTES) this.#wire.pause();
      return;
    }
    try {
      this.#consume(chunk);
    } catch (error) {
      this.#failed(error);
    }
    this.#flush();
  }

  /** The handshake is done: the session begins anew (RFC 3207 4.2). */
  secured(version: string, cipher: string): void {
    this.#tls = { version, cipher };
    this.#helo = '';
    this.#transaction = undefined;
    this.#phase = Phase.Command;
    this.#deadlines.expect(this.#services.clock.monotonic(), 'command');
  }

  /** The handshake failed: the socket is closing, and `gone` follows. */
  handshakeFailed(text: string): void {
    if (this.#phase !== Phase.Handshake) return;
    this.#ending = 'tls-failed';
    this.#phase = Phase.Over;
    this.#services.handshakes.failedNow(this.peer.address, text);
  }

  /** The peer sends no more. Behind its last dot it still gets its reply. */
  inputEnded(): void {
    this.#inputEnded = true;
    if (this.#phase !== Phase.Commit && this.#phase !== Phase.Over) this.#end('');
  }

  /** The socket is closed. A message in the middle is dropped; one behind its last dot is still stored and counted. */
  gone(): void {
    const { clock, limits, logger } = this.#services;
    if (this.#message !== undefined && this.#phase !== Phase.Commit) this.#conclude('cut', undefined);
    if (this.#phase !== Phase.Commit) this.#phase = Phase.Over;
    this.#gone = true;
    this.#queue = [];
    this.#leavePeer();
    limits.leave();
    for (const recipient of this.#joined) limits.part(recipient.entry.uid);
    logger.info('session-ended', {
      peer: this.peer.address,
      port: this.#port,
      connections: this.#joined.map((recipient) => recipient.label),
      tls: this.#tls?.version,
      stored: this.#stored,
      refused: this.#refusals,
      end: this.#ending,
      ...(this.#selfTest && { selfTest: true }),
      ms: Math.round(clock.monotonic() - this.#begunAt),
    });
  }

  /** Ends the session where the peer's time is up. */
  sweep(now: number): void {
    const expiry = this.#deadlines.check(now);
    if (expiry === undefined) return;
    if (this.#phase === Phase.Over || this.#phase === Phase.Handshake) {
      if (this.#phase === Phase.Handshake) this.handshakeFailed('timeout');
      this.#wire.destroy();
      return;
    }
    this.#ending = 'timeout';
    const reply = expiry === 'slow' ? replies.tooSlow : replies.timeout;
    if (this.#message !== undefined) this.#conclude('deferred', reply);
    this.#end(reply.line);
  }

  /** The receiver is stopping: idle sessions end now, and a message on its way is finished first. */
  shutdown(): void {
    this.#draining = true;
    if (this.#phase === Phase.Command && this.#message === undefined) this.#endWith(replies.shutdown, 'shutdown');
    else if (this.#phase === Phase.Handshake) {
      this.#ending = 'shutdown';
      this.#phase = Phase.Over;
      this.#wire.destroy();
    }
  }

  #consume(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#phase) {
        case Phase.Command:
          at = this.#readCommand(chunk, at);
          break;
        case Phase.Data:
          at = this.#readData(chunk, at);
          break;
        case Phase.Chunk:
          at = this.#readChunk(chunk, at);
          break;
        case Phase.Commit: {
          const rest = chunk.subarray(at);
          this.#queue.unshift(rest);
          this.#queued += rest.length;
          return;
        }
        case Phase.Handshake:
          // Clear text behind STARTTLS would pass for text of the encrypted session (CVE-2011-0411).
          this.#endWith(replies.pipelinedBehindStartTls, 'injection');
          return;
        default:
          return;
      }
    }
    if (this.#phase === Phase.Handshake) {
      const before = this.#out;
      this.#out = '';
      this.#wire.startTls(before + replies.startTls.line);
    }
  }

  #readCommand(chunk: Buffer, at: number): number {
    const next = this.#lines.read(chunk, at);
    const { result } = this.#lines;
    if (result === undefined) return next;
    this.#deadlines.expect(this.#services.clock.monotonic(), 'command');
    if (result.ok) this.#command(result.line);
    else this.#error(result.reply);
    return next;
  }

  #command(line: Buffer): void {
    this.#idleCommands += 1;
    if (this.#idleCommands > MOST_IDLE_COMMANDS) {
      this.#endWith(replies.tooManyCommands, 'too-many-commands');
      return;
    }
    const code = line.length > 4 && line[4] !== 0x20 ? 0 : foldVerb(line);
    switch (code) {
      case Verb.MAIL:
        this.#mail(line);
        return;
      case Verb.RCPT:
        this.#rcpt(line);
        return;
      case Verb.DATA:
        this.#dataCommand();
        return;
      case Verb.BDAT:
        this.#bdat(line);
        return;
      case Verb.EHLO:
      case Verb.HELO:
        this.#hello(line, code === Verb.EHLO);
        return;
      case Verb.RSET:
        this.#reset();
        this.#say(replies.ok);
        return;
      case Verb.NOOP:
        this.#say(replies.ok);
        return;
      case Verb.QUIT:
        this.#endWith(replies.goodbye, 'quit');
        return;
      case Verb.VRFY:
        this.#say(replies.cannotVerify);
        return;
      case Verb.HELP:
        this.#say(replies.help);
        return;
      case Verb.EXPN:
      case Verb.AUTH:
        this.#error(replies.notImplemented);
        return;
      default:
        if (foldVerb(line) === Verb.STARTTLS && lineText(line)?.trim().toUpperCase() === 'STARTTLS') this.#startTls();
        else this.#error(replies.unrecognized);
    }
  }

  #hello(line: Buffer, extended: boolean): void {
    const helo = lineText(line)?.slice(5).trim() ?? '';
    if (helo === '' || helo.length > 255) {
      this.#error(replies.heloSyntax);
      return;
    }
    this.#reset();
    this.#helo = helo;
    this.#selfTest = this.#tls !== undefined && this.#services.isSelfTest(helo);
    const { greeting } = this.#services.served();
    if (!extended) this.#out += greeting.helo;
    else if (this.#tls === undefined && this.#services.tlsUsable()) this.#out += greeting.ehloWithStartTls;
    else this.#out += greeting.ehlo;
  }

  #startTls(): void {
    if (this.#tls !== undefined) this.#error(replies.tlsAlready);
    else if (this.#helo === '') this.#error(replies.heloFirst);
    else if (!this.#services.tlsUsable()) this.#refuse(replies.tlsNotAvailable);
    else {
      this.#phase = Phase.Handshake;
      this.#deadlines.expect(this.#services.clock.monotonic(), 'handshake');
    }
  }

  #mail(line: Buffer): void {
    if (this.#helo === '') this.#error(replies.heloFirst);
    else if (this.#tls === undefined) this.#refuse(this.#clearTextRefusal());
    else if (this.#transaction !== undefined) this.#error(replies.mailAlready);
    else {
      const command = parseMail(line);
      if (!command.ok) {
        this.#error(command.reply);
        return;
      }
      this.#transaction = {
        mailFrom: command.path.text,
        smtpUtf8: command.smtpUtf8,
        binary: command.binary,
        declared: command.size,
        rcptTo: [],
        recipients: [],
        failed: false,
      };
      this.#say(replies.senderOk);
    }
  }

  #clearTextRefusal(): Reply {
    const { tlsUsable, handshakes } = this.#services;
    return !tlsUsable() || handshakes.failedLately(this.peer.address) ? replies.tlsUnusable : replies.tlsRequired;
  }

  #rcpt(line: Buffer): void {
    const transaction = this.#transaction;
    if (this.#tls === undefined) {
      this.#refuse(this.#clearTextRefusal());
      return;
    }
    if (transaction === undefined) {
      this.#error(replies.mailFirst);
      return;
    }
    if (this.#message !== undefined) {
      this.#error(replies.dataAfterChunk);
      return;
    }
    const command = parseRcpt(line, transaction.smtpUtf8);
    if (!command.ok) {
      this.#error(command.reply);
      return;
    }
    const served = this.#services.served();
    const { localPart, domain, text } = command.path;
    const decision = decide(
      { localPart, domain, peer: this.peer, tlsVersion: this.#tls.version, selfTest: this.#selfTest },
      served,
    );
    switch (decision.kind) {
      case 'not-ours':
        this.#error(decision.reply);
        return;
      case 'unknown':
        this.#services.unknownRecipient(this.peer.address);
        this.#refuse(decision.reply);
        return;
      case 'refuse':
        this.#refuse(decision.reply, decision.recipient);
        return;
      case 'accept': {
        const refusal = this.#admit(transaction, decision.recipient, served);
        if (refusal !== undefined) {
          this.#refuse(refusal, decision.recipient);
          return;
        }
        transaction.rcptTo.push(text);
        this.#idleCommands = 0;
        this.#say(replies.recipientOk);
      }
    }
  }

  /** Puts an accepted recipient into the transaction, or tells what stands against it. */
  #admit(transaction: Transaction, recipient: Recipient, { limits }: Served): Reply | undefined {
    if (transaction.rcptTo.length >= limits.recipientsPerTransaction) return replies.tooManyRecipients;
    // At RCPT and not at MAIL, so that the connection that it was for can show it.
    if (transaction.declared > limits.messageBytes) return replies.tooBig;
    const { uid } = recipient.entry;
    if (!this.#selfTest && !this.#joined.some((joined) => joined.entry.uid === uid)) {
      const busy = this.#services.limits.join(uid);
      if (busy !== undefined) return busy;
      this.#joined.push(recipient);
    }
    this.#leavePeer();
    if (!transaction.recipients.some((known) => known.entry.uid === uid)) transaction.recipients.push(recipient);
    return undefined;
  }

  #leavePeer(): void {
    if (!this.#peerCounted) return;
    this.#peerCounted = false;
    this.#services.limits.leavePeer(this.peer.address);
  }

  /** Why no message may begin now, if anything stands against it. */
  #sequenceError(transaction: Transaction | undefined): Reply | undefined {
    if (this.#tls === undefined) return this.#clearTextRefusal();
    if (transaction === undefined) return replies.mailFirst;
    if (this.#selfTest) return replies.selfTestData;
    return transaction.recipients.length === 0 ? replies.recipientFirst : undefined;
  }

  #dataCommand(): void {
    const transaction = this.#transaction;
    const error = this.#sequenceError(transaction);
    if (error !== undefined || transaction === undefined) {
      this.#error(error ?? replies.mailFirst);
    } else if (this.#message !== undefined || transaction.failed) {
      this.#error(replies.dataAfterChunk);
    } else if (transaction.binary) {
      this.#error(replies.dataWithBinary);
    } else {
      const refusal = this.#begin(transaction);
      if (refusal !== undefined) {
        this.#refuseAll(refusal, transaction);
        this.#transaction = undefined;
        return;
      }
      this.#data.reset();
      this.#phase = Phase.Data;
      this.#deadlines.bodyOpens(this.#services.clock.monotonic());
      this.#say(replies.goAhead);
    }
  }

  /** A BDAT's bytes are on the way whatever we think of it, so they are read before it is refused. */
  #bdat(line: Buffer): void {
    const chunk = parseChunk(lineText(line)?.slice(4) ?? '');
    if (chunk === undefined) {
      this.#endWith(replies.chunkSyntax, 'bad-chunk');
      return;
    }
    const transaction = this.#transaction;
    this.#chunk = { left: chunk.size, size: chunk.size, last: chunk.last };
    this.#chunkRefusal = this.#sequenceError(transaction);
    if (this.#chunkRefusal === undefined && transaction !== undefined) {
      if (transaction.failed) this.#chunkRefusal = replies.chunkAfterFailure;
      else if (this.#message === undefined) {
        const refusal = this.#begin(transaction);
        if (refusal !== undefined) {
          transaction.failed = true;
          this.#chunkRefusal = refusal;
          for (const recipient of transaction.recipients) recipient.board.refused(refusal.text, this.peer.address);
        }
      }
    }
    this.#phase = Phase.Chunk;
    this.#deadlines.bodyOpens(this.#services.clock.monotonic());
    if (chunk.size === 0) this.#chunkEnds();
  }

  #begin(transaction: Transaction): Reply | undefined {
    const { limits, log, clock, served } = this.#services;
    const uids = transaction.recipients.map((recipient) => recipient.entry.uid);
    const reserved = limits.reserve(uids, transaction.declared);
    if (typeof reserved !== 'number') return reserved;
    try {
      this.#message = new IncomingMessage(log, served().limits.messageBytes, reserved, timestamp(clock));
    } catch (error) {
      limits.release(uids, reserved);
      return replyToFault(toFaultError(error));
    }
    for (const { board } of transaction.recipients) {
      board.counts.begun += 1;
      board.counted();
    }
    this.#deadlines.messageBegins(clock.monotonic());
    this.#idleCommands = 0;
    return undefined;
  }

  readonly #take = (content: Buffer): void => {
    const message = this.#message;
    if (message === undefined) return;
    if (!message.take(content)) this.#starve(message);
    else if (message.refusal !== undefined) this.#fed(message);
  };

  #readData(chunk: Buffer, at: number): number {
    this.#deadlines.received(this.#services.clock.monotonic(), chunk.length - at);
    const end = this.#data.push(chunk, at, this.#take);
    if (end === -1) return chunk.length;
    this.#finish();
    return end;
  }

  #readChunk(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#chunk.left);
    this.#deadlines.received(this.#services.clock.monotonic(), end - at);
    if (this.#chunkRefusal === undefined) this.#take(chunk.subarray(at, end));
    this.#chunk.left -= end - at;
    if (this.#chunk.left === 0) this.#chunkEnds();
    return end;
  }

  #chunkEnds(): void {
    this.#phase = Phase.Command;
    this.#deadlines.expect(this.#services.clock.monotonic(), 'command');
    const message = this.#message;
    if (this.#chunkRefusal !== undefined || message === undefined) {
      this.#error(this.#chunkRefusal ?? replies.mailFirst);
    } else if (this.#chunk.last) {
      this.#finish();
    } else if (message.refusal !== undefined) {
      const { refusal } = message;
      if (this.#transaction !== undefined) this.#transaction.failed = true;
      this.#conclude(refusal.kind === 'rejected' ? 'rejected' : 'deferred', refusal);
      this.#refuse(refusal);
    } else {
      this.#out += `250 2.0.0 ${this.#chunk.size} octets received\r\n`;
    }
  }

  /** The log has enough for now. The peer is not to blame for the time until it takes more. */
  #starve(message: IncomingMessage): void {
    if (this.#starved !== undefined) return;
    this.#starved = message;
    this.#wire.pause();
    this.#deadlines.suspend();
    void message.drained().then(() => this.#fed(message));
  }

  #fed(message: IncomingMessage): void {
    if (this.#starved !== message) return;
    this.#starved = undefined;
    if (this.#phase === Phase.Data || this.#phase === Phase.Chunk) {
      this.#deadlines.bodyOpens(this.#services.clock.monotonic());
    }
    this.#resumeReading();
  }

  #resumeReading(): void {
    if (this.#starved === undefined && this.#queued <= QUEUE_BYTES) this.#wire.resume();
  }

  /** The message is whole. */
  #finish(): void {
    const message = this.#message;
    const transaction = this.#transaction;
    if (message === undefined || transaction === undefined) return;
    this.#phase = Phase.Commit;
    this.#deadlines.suspend();
    this.#deadlines.messageEnds();
    void this.#commit(message, transaction).catch((error: unknown) => this.#failed(error));
  }

  async #commit(message: IncomingMessage, transaction: Transaction): Promise<void> {
    const { clock, logger } = this.#services;
    const begun = clock.monotonic();
    const result = await message.commit({
      targets: transaction.recipients.map((recipient) => recipient.target),
      retention: 'mail',
      capture: {
        kind: 'smtp',
        peer: { address: this.peer.address, port: this.#port },
        helo: this.#helo,
        ...(this.#tls !== undefined && { tls: this.#tls }),
        mailFrom: transaction.mailFrom,
        rcptTo: transaction.rcptTo,
      },
      begunAt: message.begunAt,
      receivedAt: timestamp(clock),
    });
    const ms = clock.monotonic() - begun;
    const stored = 'position' in result ? result : undefined;
    const reply = 'position' in result ? storedReply(result) : result.text;
    logger.info(stored === undefined ? 'message-refused' : 'message-stored', {
      connections: transaction.recipients.map((recipient) => recipient.label),
      peer: this.peer.address,
      bytes: message.length,
      sha256: stored?.sha256,
      position: stored && `${stored.position.writer}/${stored.position.number}`,
      reply,
      ms: Math.round(ms * 10) / 10,
    });
    if ('position' in result) {
      this.#stored += 1;
      this.#services.acknowledged(ms);
      this.#conclude('stored', undefined);
    } else {
      this.#conclude(result.kind === 'rejected' ? 'rejected' : 'deferred', result);
      this.#noteRefusal(result);
    }
    // The peer may be gone meanwhile: what is durable stays, and its second copy will be marked by readers.
    if (this.#gone) {
      this.#phase = Phase.Over;
      return;
    }
    this.#out += `${reply}\r\n`;
    this.#phase = Phase.Command;
    this.#deadlines.expect(clock.monotonic(), 'command');
    this.#goOn();
  }

  /** Takes up what waited behind a commit. */
  #goOn(): void {
    if (this.#draining) {
      this.#endWith(replies.shutdown, 'shutdown');
      return;
    }
    try {
      while (this.#phase !== Phase.Commit && this.#phase !== Phase.Over) {
        const chunk = this.#queue.shift();
        if (chunk === undefined) break;
        this.#queued -= chunk.length;
        this.#consume(chunk);
      }
    } catch (error) {
      this.#failed(error);
    }
    this.#flush();
    if (this.#phase === Phase.Commit || this.#phase === Phase.Over) return;
    if (this.#inputEnded) this.#end('');
    else this.#resumeReading();
  }

  /** The message is over, in whichever way. */
  #conclude(outcome: Outcome, reply: Reply | undefined): void {
    const message = this.#message;
    const transaction = this.#transaction;
    if (message === undefined || transaction === undefined) return;
    message.abort();
    this.#message = undefined;
    this.#starved = undefined;
    this.#deadlines.messageEnds();
    this.#services.limits.release(
      transaction.recipients.map((recipient) => recipient.entry.uid),
      message.reserved,
    );
    for (const { board } of transaction.recipients) {
      if (outcome === 'stored') board.stored(message.length);
      else {
        board.counts[outcome] += 1;
        board.counted();
        if (reply !== undefined) board.refused(reply.text, this.peer.address);
      }
    }
    if (!transaction.failed) this.#transaction = undefined;
  }

  /** Forgets the transaction; a message in chunks ends unfinished. */
  #reset(): void {
    if (this.#message !== undefined) this.#conclude('cut', undefined);
    this.#transaction = undefined;
  }

  #say(reply: Reply): void {
    this.#out += reply.line;
  }

  #noteRefusal(reply: Reply): void {
    this.#refusals += 1;
    this.#services.refused(reply);
  }

  /** A refusal by policy, limits or the state of things, counted on the connection it concerns. */
  #refuse(reply: Reply, recipient?: Recipient): void {
    this.#noteRefusal(reply);
    if (!this.#selfTest) recipient?.board.refused(reply.text, this.peer.address);
    this.#say(reply);
  }

  #refuseAll(reply: Reply, { recipients }: Transaction): void {
    for (const recipient of recipients) recipient.board.refused(reply.text, this.peer.address);
    this.#refuse(reply);
  }

  /** A refusal that the peer is to blame for; too many of them end the session. */
  #error(reply: Reply): void {
    this.#noteRefusal(reply);
    this.#say(reply);
    if (reply.kind === 'rejected') this.#errors += 1;
    if (this.#errors > MOST_ERRORS) this.#endWith(replies.tooManyErrors, 'too-many-errors');
  }

  #failed(error: unknown): void {
    const { cause, message } = toFaultError(error);
    this.#services.logger.error('session-failed', {
      peer: this.peer.address,
      error: cause instanceof Error ? cause.message : message,
    });
    if (this.#message !== undefined) this.#conclude('deferred', replies.internalError);
    this.#endWith(replies.internalError, 'failed');
  }

  #endWith(reply: Reply, ending: string): void {
    this.#ending = ending;
    this.#end(reply.line);
  }

  #end(text: string): void {
    if (this.#phase === Phase.Over) return;
    if (this.#message !== undefined) this.#conclude('cut', undefined);
    this.#phase = Phase.Over;
    this.#queue = [];
    this.#deadlines.expect(this.#services.clock.monotonic(), 'farewell');
    const all = this.#out + text;
    this.#out = '';
    this.#wire.end(all);
  }

  #flush(): void {
    if (this.#out === '' || this.#phase === Phase.Over) return;
    const text = this.#out;
    this.#out = '';
    this.#wire.send(text);
  }
}

function storedReply({ position }: Stored): string {
  return `250 2.0.0 Kept as ${position.writer}/${position.number}`;
}
