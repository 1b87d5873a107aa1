import type { Chunk } from './bdat.ts';
import { DataParser } from './data.ts';
import { IncomingMessage, type Outcome } from './incoming-message.ts';
import { type Reply, replies } from './replies.ts';
import type { Dialogue, SessionServices } from './session-services.ts';
import type { Deadlines } from './timeouts.ts';
import { sequenceError } from './transaction.ts';

/** What is to be done at the end of DATA or of a BDAT. */
export type BodyEnd =
  | { kind: 'whole'; message: IncomingMessage }
  | { kind: 'refused'; reply: Reply }
  | { kind: 'chunk'; bytes: number };

/**
 * Reads the bytes of DATA and BDAT into the message that the session receives, one at a time, and stops the peer while
 * the log has enough.
 */
export class BodyReader {
  readonly #services: SessionServices;
  readonly #dialogue: Dialogue;
  readonly #deadlines: Deadlines;
  readonly #flow: { pause(): void; resume(): void };
  readonly #data = new DataParser();
  #message: IncomingMessage | undefined;
  /** The message for which the log asked to stop reading. */
  #starved: IncomingMessage | undefined;
  /** The BDAT that is read; undefined: DATA. */
  #chunk: Chunk | undefined;
  #left = 0;
  /** What the BDAT will be refused with. Its bytes are on the way whatever we think of it, so they are read first. */
  #refusal: Reply | undefined;
  #reading = false;

  /** @param flow stops and goes on with reading from the peer */
  constructor(
    services: SessionServices,
    dialogue: Dialogue,
    deadlines: Deadlines,
    flow: { pause(): void; resume(): void },
  ) {
    this.#services = services;
    this.#dialogue = dialogue;
    this.#deadlines = deadlines;
    this.#flow = flow;
  }

  /** A message has begun and is not over. */
  get open(): boolean {
    return this.#message !== undefined;
  }

  get starved(): boolean {
    return this.#starved !== undefined;
  }

  /** Answers DATA. @returns a refusal, or undefined where 354 is to be said and `read` takes what follows */
  beginData(): Reply | undefined {
    const error = sequenceError(this.#dialogue, this.#services);
    const { transaction } = this.#dialogue;
    if (error !== undefined || transaction === undefined) return error ?? replies.mailFirst;
    if (this.open || transaction.failed) return replies.dataAfterChunk;
    if (transaction.binary) return replies.dataWithBinary;
    const refusal = this.#begin();
    if (refusal !== undefined) {
      this.#dialogue.transaction = undefined;
      return refusal;
    }
    this.#data.reset();
    this.#chunk = undefined;
    return undefined;
  }

  /** Begins a BDAT, refused or not. @returns false where it has no bytes, so that it has ended */
  beginChunk(chunk: Chunk): boolean {
    const { transaction } = this.#dialogue;
    this.#chunk = chunk;
    this.#left = chunk.size;
    this.#refusal = sequenceError(this.#dialogue, this.#services);
    if (this.#refusal === undefined && transaction !== undefined) {
      if (transaction.failed) this.#refusal = replies.chunkAfterFailure;
      else if (!this.open) this.#refusal = this.#begin();
      transaction.failed = this.#refusal !== undefined;
    }
    this.#reading = true;
    this.#deadlines.bodyOpens(this.#services.clock.monotonic());
    return chunk.size > 0;
  }

  /** @returns the index behind the last byte of DATA or BDAT, or -1 where it goes on in the next piece of input */
  read(input: Buffer, at: number): number {
    if (this.#chunk === undefined) {
      this.#deadlines.received(this.#services.clock.monotonic(), input.length - at);
      return this.#data.push(input, at, this.#take);
    }
    const end = Math.min(input.length, at + this.#left);
    this.#deadlines.received(this.#services.clock.monotonic(), end - at);
    if (this.#refusal === undefined) this.#take(input.subarray(at, end));
    this.#left -= end - at;
    return this.#left === 0 ? end : -1;
  }

  /** Call it once where `read` found the end. */
  end(): BodyEnd {
    const message = this.#message;
    const chunk = this.#chunk;
    this.#reading = false;
    if (this.#refusal !== undefined || message === undefined) {
      const reply = this.#refusal ?? replies.mailFirst;
      this.#refusal = undefined;
      return { kind: 'refused', reply };
    }
    if (chunk === undefined || chunk.last) return { kind: 'whole', message };
    const { refusal } = message;
    if (refusal === undefined) return { kind: 'chunk', bytes: chunk.size };
    this.conclude(refusal.kind === 'rejected' ? 'rejected' : 'deferred', refusal);
    if (this.#dialogue.transaction !== undefined) this.#dialogue.transaction.failed = true;
    return { kind: 'refused', reply: refusal };
  }

  /** Ends the message where there is one and it has not ended already. */
  conclude(outcome: Outcome, reply?: Reply): void {
    this.#message?.conclude(outcome, reply);
    this.#message = undefined;
    this.#starved = undefined;
    this.#reading = false;
    this.#deadlines.messageEnds();
  }

  #begin(): Reply | undefined {
    const { transaction } = this.#dialogue;
    if (transaction === undefined) return replies.mailFirst;
    const message = IncomingMessage.begin(this.#services, this.#dialogue, transaction);
    if (!(message instanceof IncomingMessage)) return message;
    const now = this.#services.clock.monotonic();
    this.#message = message;
    this.#reading = true;
    this.#deadlines.messageBegins(now);
    this.#deadlines.bodyOpens(now);
    return undefined;
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
    this.#flow.pause();
    this.#deadlines.suspend();
    void message.drained().then(() => this.#feed(message));
  }

  #feed(message: IncomingMessage): void {
    if (this.#starved !== message) return;
    this.#starved = undefined;
    if (this.#reading) this.#deadlines.bodyOpens(this.#services.clock.monotonic());
    this.#flow.resume();
  }
}
