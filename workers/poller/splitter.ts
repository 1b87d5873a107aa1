import { FaultError } from '../process/fault-error.ts';

/** Bound on one response without the literals that a sink takes. Responses here are short; more is a broken server. */
const RESPONSE_BYTES = 1024 * 1024;
const LF = 0x0a;
const CR = 0x0d;
const CLOSING_BRACE = 0x7d;

/** Takes the bytes of one literal as they come, in pieces that it owns from then on. */
export interface LiteralSink {
  write(chunk: Buffer): void;
}

/** One piece of a response, in order: text as latin1 without line ends, a short literal, or one that went to a sink. */
export type ResponsePart = string | Buffer | LiteralSink;

export interface SplitterEvents {
  /**
   * A literal begins (RFC 3501 section 4.3).
   *
   * @param before text of the response up to its length mark
   * @param length bytes
   * @returns who takes it; undefined: it is collected, within the bound on a response
   */
  literal(before: string, length: number): LiteralSink | undefined;
  response(parts: ResponsePart[]): void;
}

/**
 * Cuts the bytes of an IMAP server into responses, handing message bodies on without copying them. Any chunking gives
 * the same result. `hold` stops it where it stands, also in the middle of a chunk, until `release`; meanwhile the
 * caller must stop reading the socket, so that no more than what was read already is kept.
 */
export class ResponseSplitter {
  readonly #events: SplitterEvents;
  readonly #waiting: Buffer[] = [];
  #held = false;
  #running = false;
  #parts: ResponsePart[] = [];
  /** Bytes of the response so far that are kept here. */
  #kept = 0;
  #line: Buffer[] = [];
  #literalLeft = 0;
  #sink: LiteralSink | undefined;
  #collected: Buffer[] = [];

  constructor(events: SplitterEvents) {
    this.#events = events;
  }

  /** @throws FaultError ProtocolError where the bytes cannot be IMAP; the connection is then of no more use */
  push(chunk: Buffer): void {
    this.#waiting.push(chunk);
    this.#run();
  }

  hold(): void {
    this.#held = true;
  }

  /** Goes on where `hold` stopped; throws as `push` does. */
  release(): void {
    this.#held = false;
    this.#run();
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    try {
      while (!this.#held) {
        const chunk = this.#waiting.shift();
        if (chunk === undefined) return;
        const rest = this.#literalLeft > 0 ? this.#literal(chunk) : this.#text(chunk);
        if (rest.length > 0) this.#waiting.unshift(rest);
      }
    } finally {
      this.#running = false;
    }
  }

  #literal(chunk: Buffer): Buffer {
    const taken = chunk.length <= this.#literalLeft ? chunk : chunk.subarray(0, this.#literalLeft);
    this.#literalLeft -= taken.length;
    if (this.#sink) this.#sink.write(taken);
    else this.#collected.push(taken);
    if (this.#literalLeft === 0) this.#literalEnded();
    return chunk.subarray(taken.length);
  }

  #literalEnded(): void {
    if (this.#sink === undefined) this.#parts.push(Buffer.concat(this.#collected));
    this.#sink = undefined;
    this.#collected = [];
  }

  #text(chunk: Buffer): Buffer {
    const end = chunk.indexOf(LF);
    const piece = end < 0 ? chunk : chunk.subarray(0, end);
    this.#keep(piece.length);
    if (end < 0) {
      this.#line.push(piece);
      return chunk.subarray(chunk.length);
    }
    const whole = this.#line.length === 0 ? piece : Buffer.concat([...this.#line, piece]);
    this.#line = [];
    this.#lineEnded(whole.at(-1) === CR ? whole.subarray(0, -1) : whole);
    return chunk.subarray(end + 1);
  }

  #lineEnded(line: Buffer): void {
    const text = line.toString('latin1');
    const mark = line.at(-1) === CLOSING_BRACE && this.#mayHoldLiteral(text) ? /~?\{(\d{1,15})\+?\}$/.exec(text) : null;
    if (mark === null) {
      this.#parts.push(text);
      const parts = this.#parts;
      this.#parts = [];
      this.#kept = 0;
      this.#events.response(parts);
      return;
    }
    const before = text.slice(0, mark.index);
    this.#parts.push(before);
    this.#literalLeft = Number(mark[1]);
    this.#sink = this.#events.literal(before, this.#literalLeft);
    if (this.#sink) this.#parts.push(this.#sink);
    else this.#keep(this.#literalLeft);
    if (this.#literalLeft === 0) this.#literalEnded();
  }

  /** Free text may end in what looks like a length mark; only data responses hold literals (RFC 3501 section 7). */
  #mayHoldLiteral(text: string): boolean {
    if (this.#parts.length > 0) return true;
    return text.startsWith('* ') && !/^\* (?:OK|NO|BAD|BYE|PREAUTH)\b/i.test(text);
  }

  #keep(bytes: number): void {
    this.#kept += bytes;
    if (this.#kept > RESPONSE_BYTES) {
      throw new FaultError(
        'ProtocolError',
        'later',
        'The server sent a response of more than 1 MB that is no message.',
      );
    }
  }
}
