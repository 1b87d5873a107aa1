import { toFaultError } from '../process/fault-error.ts';
import { parseChunk } from './bdat.ts';
import { foldVerb, lineText, Verb } from './command.ts';
import { CommandLines } from './command-lines.ts';
import { DataParser } from './data.ts';
import { IncomingMessage, type Outcome } from './incoming-message.ts';
import { InputQueue } from './input-queue.ts';
import type { PeerAddress } from './ranges.ts';
import { type Reply, replies } from './replies.ts';
import type { Dialogue, SessionServices, Wire } from './session-services.ts';
import { Deadlines } from './timeouts.ts';
import { leavePeer, mail, rcpt, sequenceError } from './transaction.ts';

/** Protocol errors of a session before it is ended. */
const MOST_ERRORS = 20;
/** Commands in a row that bring no message forward before the session is ended. */
const MOST_IDLE_COMMANDS = 500;
const LONGEST_HELO = 255;

/** What the next byte of the peer is. */
const Phase = {
  Command: 0,
  /** Content of DATA. */
  Data: 1,
  /** Content of a BDAT. */
  Chunk: 2,
  /** Not wanted yet: the message is being made durable, and its reply is owed. */
  Commit: 3,
  Handshake: 4,
  /** Nothing: we have closed our side. */
  Over: 5,
} as const;

/**
 * One SMTP session (RFC 5321): bytes in, replies out, messages into the log. It knows no socket and owns no timer; the
 * receiver's sweep asks it about its deadlines.
 *
 * Replies gather in one string, which leaves once per chunk of input and once per commit. While a commit is pending,
 * pipelined input waits in a bounded queue, so that replies keep their order.
 */
export class Session {
  readonly #services: SessionServices;
  readonly #wire: Wire;
  readonly #dialogue: Dialogue;
  readonly #deadlines: Deadlines;
  readonly #lines = new CommandLines();
  readonly #data = new DataParser();
  readonly #queue = new InputQueue();
  readonly #begunAt: number;
  readonly #chunk = { left: 0, size: 0, last: false, refusal: undefined as Reply | undefined };

  #phase: number = Phase.Command;
  #out = '';
  #message: IncomingMessage | undefined;
  /** The message for which the log asked to stop reading. */
  #starved: IncomingMessage | undefined;
  /** The peer has closed its side. */
  #inputEnded = false;
  /** The socket is closed. */
  #gone = false;
  #draining = false;
  #errors = 0;
  #idleCommands = 0;
  #stored = 0;
  #refused = 0;
  #ending = 'closed';

  constructor(services: SessionServices, wire: Wire, peer: PeerAddress, port: number) {
    this.#services = services;
    this.#wire = wire;
    this.#dialogue = {
      peer,
      port,
      helo: '',
      tls: undefined,
      selfTest: false,
      transaction: undefined,
      joined: [],
      countsForPeer: true,
    };
    this.#deadlines = new Deadlines(services.timeouts);
    this.#begunAt = services.clock.monotonic();
  }

  greet(): void {
    this.#wire.send(this.#services.served().greeting.greeting);
    this.#deadlines.expect(this.#begunAt, 'command');
  }

  /** Bytes of the peer, which the session owns from now on. */
  receive(chunk: Buffer): void {
    if (this.#phase === Phase.Over) return;
    if (this.#phase === Phase.Commit) {
      this.#queue.push(chunk);
      if (this.#queue.full) this.#wire.pause();
      return;
    }
    try {
      this.#consume(chunk);
    } catch (error) {
      this.#fail(error);
    }
    this.#flush();
  }

  /** The handshake is done: the session begins anew (RFC 3207 4.2). */
  secured(version: string, cipher: string): void {
    this.#dialogue.tls = { version, cipher };
    this.#dialogue.helo = '';
    this.#phase = Phase.Command;
    this.#deadlines.expect(this.#services.clock.monotonic(), 'command');
  }

  /** The handshake failed: the socket is closing, and `gone` follows. */
  handshakeFailed(text: string): void {
    if (this.#phase !== Phase.Handshake) return;
    this.#ending = 'tls-failed';
    this.#phase = Phase.Over;
    this.#services.handshakes.failedNow(this.#dialogue.peer.address, text);
  }

  /** The peer sends no more. Behind its last dot it still gets its reply. */
  inputEnded(): void {
    this.#inputEnded = true;
    if (this.#phase !== Phase.Commit && this.#phase !== Phase.Over) this.#end('');
  }

  /** The socket is closed. A message in the middle is dropped; one behind its last dot is still stored and counted. */
  gone(): void {
    const { clock, limits, logger } = this.#services;
    const { peer, port, joined, selfTest, tls } = this.#dialogue;
    if (this.#phase !== Phase.Commit) {
      this.#conclude('cut');
      this.#phase = Phase.Over;
    }
    this.#gone = true;
    this.#queue.clear();
    leavePeer(this.#dialogue, this.#services);
    limits.leave();
    for (const recipient of joined) limits.part(recipient.entry.uid);
    logger.info('session-ended', {
      peer: peer.address,
      port,
      connections: joined.map((recipient) => recipient.label),
      tls: tls?.version,
      stored: this.#stored,
      refused: this.#refused,
      end: this.#ending,
      ...(selfTest && { selfTest }),
      ms: Math.round(clock.monotonic() - this.#begunAt),
    });
  }

  /** Ends the session where the peer's time is up. @param now of the monotonic clock */
  sweep(now: number): void {
    const expiry = this.#deadlines.check(now);
    if (expiry === undefined) return;
    if (this.#phase === Phase.Over || this.#phase === Phase.Handshake) {
      this.handshakeFailed('no handshake in time');
      this.#wire.destroy();
      return;
    }
    const reply = expiry === 'slow' ? replies.tooSlow : replies.timeout;
    this.#conclude('deferred', reply);
    this.#endWith(reply, 'timeout');
  }

  /** The receiver is stopping: idle sessions end now, and a message on its way is finished first. */
  shutdown(): void {
    this.#draining = true;
    if (this.#phase === Phase.Command && this.#message === undefined) this.#endWith(replies.shutdown, 'shutdown');
    if (this.#phase !== Phase.Handshake) return;
    this.#ending = 'shutdown';
    this.#phase = Phase.Over;
    this.#wire.destroy();
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
        case Phase.Commit:
          this.#queue.putBack(chunk.subarray(at));
          return;
        case Phase.Handshake:
          // Clear text behind STARTTLS would pass for text of the encrypted session (CVE-2011-0411).
          this.#answer(replies.pipelinedBehindStartTls);
          this.#ending = 'injection';
          this.#end('');
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
    this.#idleCommands += 1;
    if (this.#idleCommands > MOST_IDLE_COMMANDS) this.#endWith(replies.tooManyCommands, 'too-many-commands');
    else if (result.ok) this.#command(result.line);
    else this.#answer(result.reply);
    return next;
  }

  #command(line: Buffer): void {
    const code = line.length > 4 && line[4] !== 0x20 ? 0 : foldVerb(line);
    switch (code) {
      case Verb.MAIL:
        this.#answer(mail(this.#dialogue, this.#services, line));
        return;
      case Verb.RCPT: {
        const reply = rcpt(this.#dialogue, this.#services, line, this.#message !== undefined);
        if (reply.kind === 'done') this.#idleCommands = 0;
        this.#answer(reply);
        return;
      }
      case Verb.DATA:
        this.#beginData();
        return;
      case Verb.BDAT:
        this.#beginChunk(line);
        return;
      case Verb.EHLO:
      case Verb.HELO:
        this.#hello(line, code === Verb.EHLO);
        return;
      case Verb.RSET:
        this.#reset();
        this.#answer(replies.ok);
        return;
      case Verb.NOOP:
        this.#answer(replies.ok);
        return;
      case Verb.QUIT:
        this.#endWith(replies.goodbye, 'quit');
        return;
      case Verb.VRFY:
        this.#answer(replies.cannotVerify);
        return;
      case Verb.HELP:
        this.#answer(replies.help);
        return;
      case Verb.EXPN:
      case Verb.AUTH:
        this.#answer(replies.notImplemented);
        return;
      default:
        if (lineText(line)?.trim().toUpperCase() === 'STARTTLS') this.#startTls();
        else this.#answer(replies.unrecognized);
    }
  }

  #hello(line: Buffer, extended: boolean): void {
    const dialogue = this.#dialogue;
    const helo = lineText(line)?.slice(5).trim() ?? '';
    if (helo === '' || helo.length > LONGEST_HELO) {
      this.#answer(replies.heloSyntax);
      return;
    }
    this.#reset();
    dialogue.helo = helo;
    dialogue.selfTest = dialogue.tls !== undefined && this.#services.isSelfTest(helo);
    if (dialogue.selfTest) leavePeer(dialogue, this.#services);
    const { greeting } = this.#services.served();
    if (!extended) this.#out += greeting.helo;
    else if (dialogue.tls === undefined && this.#services.tlsUsable()) this.#out += greeting.ehloWithStartTls;
    else this.#out += greeting.ehlo;
  }

  #startTls(): void {
    if (this.#dialogue.tls !== undefined) this.#answer(replies.tlsAlready);
    else if (this.#dialogue.helo === '') this.#answer(replies.heloFirst);
    else if (!this.#services.tlsUsable()) this.#answer(replies.tlsNotAvailable);
    else {
      this.#reset();
      this.#phase = Phase.Handshake;
      this.#deadlines.expect(this.#services.clock.monotonic(), 'handshake');
    }
  }

  #beginData(): void {
    const error = sequenceError(this.#dialogue, this.#services);
    const { transaction } = this.#dialogue;
    if (error !== undefined || transaction === undefined) this.#answer(error ?? replies.mailFirst);
    else if (this.#message !== undefined || transaction.failed) this.#answer(replies.dataAfterChunk);
    else if (transaction.binary) this.#answer(replies.dataWithBinary);
    else {
      const refusal = this.#begin();
      if (refusal !== undefined) {
        this.#dialogue.transaction = undefined;
        this.#answer(refusal);
        return;
      }
      this.#data.reset();
      this.#phase = Phase.Data;
      this.#out += replies.goAhead.line;
    }
  }

  /** A BDAT's bytes are on the way whatever we think of it, so they are read before it is refused. */
  #beginChunk(line: Buffer): void {
    const parsed = parseChunk(lineText(line)?.slice(4) ?? '');
    if (parsed === undefined) {
      this.#endWith(replies.chunkSyntax, 'bad-chunk');
      return;
    }
    const { transaction } = this.#dialogue;
    const chunk = this.#chunk;
    chunk.left = parsed.size;
    chunk.size = parsed.size;
    chunk.last = parsed.last;
    chunk.refusal = sequenceError(this.#dialogue, this.#services);
    this.#phase = Phase.Chunk;
    if (chunk.refusal === undefined && transaction !== undefined) {
      if (transaction.failed) chunk.refusal = replies.chunkAfterFailure;
      else if (this.#message === undefined) chunk.refusal = this.#begin();
      transaction.failed = chunk.refusal !== undefined;
    }
    this.#deadlines.bodyOpens(this.#services.clock.monotonic());
    if (chunk.size === 0) this.#chunkEnds();
  }

  #begin(): Reply | undefined {
    const { transaction } = this.#dialogue;
    if (transaction === undefined) return replies.mailFirst;
    const message = IncomingMessage.begin(this.#services, this.#dialogue, transaction);
    if (!(message instanceof IncomingMessage)) return message;
    this.#message = message;
    this.#idleCommands = 0;
    const now = this.#services.clock.monotonic();
    this.#deadlines.messageBegins(now);
    this.#deadlines.bodyOpens(now);
    return undefined;
  }

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
    if (this.#chunk.refusal === undefined) this.#take(chunk.subarray(at, end));
    this.#chunk.left -= end - at;
    if (this.#chunk.left === 0) this.#chunkEnds();
    return end;
  }

  #chunkEnds(): void {
    const { transaction } = this.#dialogue;
    const message = this.#message;
    this.#phase = Phase.Command;
    this.#deadlines.expect(this.#services.clock.monotonic(), 'command');
    if (this.#chunk.refusal !== undefined || message === undefined || transaction === undefined) {
      this.#answer(this.#chunk.refusal ?? replies.mailFirst);
    } else if (this.#chunk.last) {
      this.#finish();
    } else if (message.refusal !== undefined) {
      const { refusal } = message;
      this.#conclude(refusal.kind === 'rejected' ? 'rejected' : 'deferred', refusal);
      transaction.failed = true;
      this.#answer(refusal);
    } else {
      this.#out += `250 2.0.0 ${this.#chunk.size} octets received\r\n`;
    }
  }

  readonly #take = (content: Buffer): void => {
    const message = this.#message;
    if (message === undefined) return;
    if (!message.take(content)) this.#starve(message);
    else if (message.refusal !== undefined) this.#feed(message);
  };

  /** The log has enough for now. The peer is not to blame for the time until it takes more. */
  #starve(message: IncomingMessage): void {
    if (this.#starved !== undefined) return;
    this.#starved = message;
    this.#wire.pause();
    this.#deadlines.suspend();
    void message.drained().then(() => this.#feed(message));
  }

  #feed(message: IncomingMessage): void {
    if (this.#starved !== message) return;
    this.#starved = undefined;
    const inBody = this.#phase === Phase.Data || this.#phase === Phase.Chunk;
    if (inBody) this.#deadlines.bodyOpens(this.#services.clock.monotonic());
    this.#resumeReading();
  }

  #resumeReading(): void {
    if (this.#starved === undefined && !this.#queue.full) this.#wire.resume();
  }

  /** The message is whole. */
  #finish(): void {
    const message = this.#message;
    if (message === undefined) return;
    this.#phase = Phase.Commit;
    this.#deadlines.suspend();
    void this.#commit(message).catch((error: unknown) => this.#fail(error));
  }

  async #commit(message: IncomingMessage): Promise<void> {
    const { text, refusal } = await message.commit(this.#dialogue);
    this.#conclude('stored');
    this.#dialogue.transaction = undefined;
    if (refusal === undefined) this.#stored += 1;
    else this.#noteRefusal(refusal);
    this.#phase = this.#gone ? Phase.Over : Phase.Command;
    // The peer may be gone meanwhile: what is durable stays, and the copy that it sends again will be marked by readers.
    if (this.#gone) return;
    this.#out += `${text}\r\n`;
    this.#deadlines.expect(this.#services.clock.monotonic(), 'command');
    if (this.#draining) this.#endWith(replies.shutdown, 'shutdown');
    else this.#goOn();
  }

  /** Takes up what waited behind a commit. */
  #goOn(): void {
    for (let chunk = this.#queue.take(); chunk !== undefined; chunk = this.#queue.take()) {
      this.#consume(chunk);
      if (this.#phase === Phase.Commit || this.#phase === Phase.Over) break;
    }
    this.#flush();
    if (this.#phase === Phase.Commit || this.#phase === Phase.Over) return;
    if (this.#inputEnded) this.#end('');
    else this.#resumeReading();
  }

  /** Ends the message where there is one and it has not ended already. */
  #conclude(outcome: Outcome, reply?: Reply): void {
    this.#message?.conclude(outcome, reply);
    this.#message = undefined;
    this.#starved = undefined;
    this.#deadlines.messageEnds();
  }

  /** Forgets the transaction; a message in chunks ends unfinished. */
  #reset(): void {
    if (this.#message !== undefined) this.#conclude('cut');
    this.#dialogue.transaction = undefined;
  }

  #answer(reply: Reply): void {
    this.#out += reply.line;
    if (reply.kind === 'done') return;
    this.#noteRefusal(reply);
    if (!reply.peerError) return;
    this.#errors += 1;
    if (this.#errors > MOST_ERRORS) this.#endWith(replies.tooManyErrors, 'too-many-errors');
  }

  #noteRefusal(reply: Reply): void {
    this.#refused += 1;
    this.#services.refused(reply);
  }

  #fail(error: unknown): void {
    const { cause, message } = toFaultError(error);
    this.#services.logger.error('session-failed', {
      peer: this.#dialogue.peer.address,
      error: cause instanceof Error ? cause.message : message,
    });
    this.#conclude('deferred', replies.internalError);
    this.#endWith(replies.internalError, 'failed');
  }

  #endWith(reply: Reply, ending: string): void {
    if (this.#phase === Phase.Over) return;
    this.#ending = ending;
    this.#end(reply.line);
  }

  #end(text: string): void {
    if (this.#phase === Phase.Over) return;
    this.#conclude('cut');
    this.#phase = Phase.Over;
    this.#queue.clear();
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
