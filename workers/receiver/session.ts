import { toFaultError } from '../process/fault-error.ts';
import { parseChunk } from './bdat.ts';
import { BodyReader } from './body-reader.ts';
import { foldVerb, lineText, Verb } from './command.ts';
import { CommandLines } from './command-lines.ts';
import { hello, startTlsRefusal } from './hello.ts';
import type { IncomingMessage } from './incoming-message.ts';
import { InputQueue } from './input-queue.ts';
import { Outbox } from './outbox.ts';
import type { PeerAddress } from './ranges.ts';
import { type Reply, replies } from './replies.ts';
import type { Dialogue, SessionServices, Wire } from './session-services.ts';
import { Deadlines } from './timeouts.ts';
import { leavePeer, mail, rcpt } from './transaction.ts';

/** Commands in a row that bring no message forward before the session is ended. */
const MOST_IDLE_COMMANDS = 500;

/** What the next byte of the peer is. */
const Phase = {
  Command: 0,
  /** Content of DATA or of a BDAT. */
  Body: 1,
  /** Not wanted yet: the message is being made durable, and its reply is owed. */
  Commit: 2,
  Handshake: 3,
  /** Nothing: we have closed our side. */
  Over: 4,
} as const;

/**
 * One SMTP session (RFC 5321): bytes in, replies out, messages into the log. It knows no socket and owns no timer; the
 * receiver's sweep asks it about its deadlines.
 *
 * Replies leave once per piece of input and once per commit. While a commit is pending, pipelined input waits in a
 * bounded queue, so that replies keep their order.
 */
export class Session {
  readonly #services: SessionServices;
  readonly #wire: Wire;
  readonly #dialogue: Dialogue;
  readonly #deadlines: Deadlines;
  readonly #body: BodyReader;
  readonly #outbox: Outbox;
  readonly #lines = new CommandLines();
  readonly #queue = new InputQueue();
  readonly #begunAt: number;

  #phase: number = Phase.Command;
  /** The peer has closed its side. */
  #inputEnded = false;
  /** The socket is closed. */
  #gone = false;
  #draining = false;
  #idleCommands = 0;
  #stored = 0;
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
      namedRecipient: false,
    };
    this.#deadlines = new Deadlines(services.timeouts);
    this.#outbox = new Outbox(services);
    this.#body = new BodyReader(services, this.#dialogue, this.#deadlines, {
      pause: () => wire.pause(),
      resume: () => this.#resumeReading(),
    });
    this.#begunAt = services.clock.monotonic();
  }

  greet(): void {
    this.#wire.send(this.#services.served().greeting.greeting);
    this.#deadlines.expect(this.#begunAt, 'command');
  }

  /** Bytes of the peer, which the session owns from now on. */
  receive(input: Buffer): void {
    if (this.#phase === Phase.Over) return;
    if (this.#phase === Phase.Commit) {
      this.#queue.push(input);
      if (this.#queue.full) this.#wire.pause();
      return;
    }
    try {
      this.#consume(input);
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
    this.#expectCommand();
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
      this.#body.conclude('cut');
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
      refused: this.#outbox.refusals,
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
    this.#body.conclude('deferred', reply);
    this.#endWith(reply, 'timeout');
  }

  /** The receiver is stopping: idle sessions end now, and a message on its way is finished first. */
  shutdown(): void {
    this.#draining = true;
    if (this.#phase === Phase.Command && !this.#body.open) this.#endWith(replies.shutdown, 'shutdown');
    if (this.#phase !== Phase.Handshake) return;
    this.#ending = 'shutdown';
    this.#phase = Phase.Over;
    this.#wire.destroy();
  }

  #consume(input: Buffer): void {
    let at = 0;
    while (at < input.length) {
      switch (this.#phase) {
        case Phase.Command:
          at = this.#readCommand(input, at);
          break;
        case Phase.Body: {
          const end = this.#body.read(input, at);
          if (end === -1) return;
          at = end;
          this.#bodyEnded();
          break;
        }
        case Phase.Commit:
          this.#queue.putBack(input.subarray(at));
          return;
        case Phase.Handshake:
          // Clear text behind STARTTLS would pass for text of the encrypted session (CVE-2011-0411).
          this.#endWith(replies.pipelinedBehindStartTls, 'injection');
          return;
        default:
          return;
      }
    }
    if (this.#phase === Phase.Handshake) this.#wire.startTls(this.#outbox.take() + replies.startTls.line);
  }

  #readCommand(input: Buffer, at: number): number {
    const next = this.#lines.read(input, at);
    const { result } = this.#lines;
    if (result === undefined) return next;
    this.#expectCommand();
    this.#idleCommands += 1;
    if (this.#idleCommands > MOST_IDLE_COMMANDS) this.#endWith(replies.tooManyCommands, 'too-many-commands');
    else if (result.ok) this.#command(result.line);
    else this.#outbox.answer(result.reply);
    if (this.#outbox.tooManyErrors) this.#endWith(replies.tooManyErrors, 'too-many-errors');
    return next;
  }

  #command(line: Buffer): void {
    const dialogue = this.#dialogue;
    const services = this.#services;
    const outbox = this.#outbox;
    const verb = line.length > 4 && line[4] !== 0x20 ? 0 : foldVerb(line);
    switch (verb) {
      case Verb.MAIL:
        outbox.answer(mail(dialogue, services, line));
        return;
      case Verb.RCPT: {
        const reply = rcpt(dialogue, services, line, this.#body.open);
        if (reply.kind === 'done') this.#idleCommands = 0;
        outbox.answer(reply);
        return;
      }
      case Verb.DATA: {
        const refusal = this.#body.beginData();
        if (refusal === undefined) this.#phase = Phase.Body;
        outbox.answer(refusal ?? replies.goAhead);
        return;
      }
      case Verb.BDAT: {
        const chunk = parseChunk(lineText(line)?.slice(4) ?? '');
        if (chunk === undefined) {
          this.#endWith(replies.chunkSyntax, 'bad-chunk');
          return;
        }
        this.#phase = Phase.Body;
        if (!this.#body.beginChunk(chunk)) this.#bodyEnded();
        return;
      }
      case Verb.EHLO:
      case Verb.HELO: {
        const answer = hello(dialogue, services, line, verb === Verb.EHLO);
        if (typeof answer !== 'string') {
          outbox.answer(answer);
          return;
        }
        this.#reset();
        outbox.say(answer);
        return;
      }
      case Verb.RSET:
        this.#reset();
        outbox.answer(replies.ok);
        return;
      case Verb.NOOP:
        outbox.answer(replies.ok);
        return;
      case Verb.QUIT:
        this.#endWith(replies.goodbye, 'quit');
        return;
      case Verb.VRFY:
        outbox.answer(replies.cannotVerify);
        return;
      case Verb.HELP:
        outbox.answer(replies.help);
        return;
      case Verb.EXPN:
      case Verb.AUTH:
        outbox.answer(replies.notImplemented);
        return;
      default:
        if (lineText(line)?.trim().toUpperCase() === 'STARTTLS') this.#startTls();
        else outbox.answer(replies.unrecognized);
    }
  }

  #startTls(): void {
    const refusal = startTlsRefusal(this.#dialogue, this.#services);
    if (refusal !== undefined) {
      this.#outbox.answer(refusal);
      return;
    }
    this.#reset();
    this.#phase = Phase.Handshake;
    this.#deadlines.expect(this.#services.clock.monotonic(), 'handshake');
  }

  /** Behind the last byte of DATA or BDAT. */
  #bodyEnded(): void {
    this.#phase = Phase.Command;
    this.#idleCommands = 0;
    this.#expectCommand();
    const end = this.#body.end();
    switch (end.kind) {
      case 'chunk':
        this.#outbox.say(`250 2.0.0 ${end.bytes} octets received\r\n`);
        return;
      case 'refused':
        this.#outbox.answer(end.reply);
        return;
      case 'whole':
        this.#phase = Phase.Commit;
        this.#deadlines.suspend();
        void this.#commit(end.message).catch((error: unknown) => this.#fail(error));
    }
  }

  async #commit(message: IncomingMessage): Promise<void> {
    const { text, refusal } = await message.commit(this.#dialogue);
    this.#body.conclude('stored');
    this.#dialogue.transaction = undefined;
    if (refusal === undefined) this.#stored += 1;
    else this.#outbox.count(refusal);
    this.#phase = this.#gone ? Phase.Over : Phase.Command;
    // The peer may be gone meanwhile: what is durable stays, and the copy that it sends again will be marked by readers.
    if (this.#gone) return;
    this.#outbox.say(`${text}\r\n`);
    this.#expectCommand();
    if (this.#draining) this.#endWith(replies.shutdown, 'shutdown');
    else this.#goOn();
  }

  /** Takes up what waited behind a commit. */
  #goOn(): void {
    for (let input = this.#queue.take(); input !== undefined; input = this.#queue.take()) {
      this.#consume(input);
      if (this.#phase === Phase.Commit || this.#phase === Phase.Over) break;
    }
    this.#flush();
    if (this.#phase === Phase.Commit || this.#phase === Phase.Over) return;
    if (this.#inputEnded) this.#end('');
    else this.#resumeReading();
  }

  #resumeReading(): void {
    if (!this.#body.starved && !this.#queue.full) this.#wire.resume();
  }

  #expectCommand(): void {
    this.#deadlines.expect(this.#services.clock.monotonic(), 'command');
  }

  /** Forgets the transaction; a message in chunks ends unfinished. */
  #reset(): void {
    if (this.#body.open) this.#body.conclude('cut');
    this.#dialogue.transaction = undefined;
  }

  #fail(error: unknown): void {
    const { cause, message } = toFaultError(error);
    this.#services.logger.error('session-failed', {
      peer: this.#dialogue.peer.address,
      error: cause instanceof Error ? cause.message : message,
    });
    this.#body.conclude('deferred', replies.internalError);
    this.#endWith(replies.internalError, 'failed');
  }

  #endWith(reply: Reply, ending: string): void {
    if (this.#phase === Phase.Over) return;
    if (reply.kind !== 'done') this.#outbox.count(reply);
    this.#ending = ending;
    this.#end(reply.line);
  }

  #end(text: string): void {
    if (this.#phase === Phase.Over) return;
    this.#body.conclude('cut');
    this.#phase = Phase.Over;
    this.#queue.clear();
    this.#deadlines.expect(this.#services.clock.monotonic(), 'farewell');
    this.#wire.end(this.#outbox.take() + text);
  }

  #flush(): void {
    if (this.#phase === Phase.Over) return;
    const text = this.#outbox.take();
    if (text !== '') this.#wire.send(text);
  }
}
