import { type Reply, replies } from './replies.ts';

const CR = 0x0d;
const LF = 0x0a;

/** RFC 5321 4.5.3.1.4 wants 512 and more with extensions; 2,048 leaves room for SMTPUTF8 and long return paths. */
const LONGEST_LINE = 2_048;

export type CommandLine = { ok: true; line: Buffer } | { ok: false; reply: Reply };

/**
 * Cuts command lines out of the input, in any chunking. Only CRLF ends a line. A line with another CR, LF or NUL is
 * refused as a whole, since taking its parts for commands is what smuggling lives from; the refusal comes at once, so
 * that a peer that only knows LF is not left waiting.
 */
export class CommandLines {
  /** What the last `read` completed: a line without its CRLF, a refusal, or nothing yet. */
  result: CommandLine | undefined;
  #pending: Buffer | undefined;
  /** Refused already; what is left of the line is dropped. */
  #skipping = false;
  #lastSkipped = 0;

  /** Reads on from `start`, at most to the end of one line. @returns the index of the first byte not yet read */
  read(chunk: Buffer, start: number): number {
    this.result = undefined;
    const lf = chunk.indexOf(LF, start);
    const end = lf === -1 ? chunk.length : lf + 1;
    if (this.#skipping) {
      const before = end - 2 >= start ? chunk[end - 2] : this.#lastSkipped;
      if (lf !== -1 && before === CR) this.#skipping = false;
      this.#lastSkipped = chunk[end - 1] ?? 0;
      return end;
    }
    const part = chunk.subarray(start, end);
    const line = this.#pending === undefined ? part : Buffer.concat([this.#pending, part]);
    this.#pending = undefined;
    const ended = lf !== -1 && line.length >= 2 && line[line.length - 2] === CR;
    if (line.length > LONGEST_LINE) {
      this.result = { ok: false, reply: replies.lineTooLong };
    } else if (ended) {
      const text = line.subarray(0, line.length - 2);
      const clean = text.indexOf(CR) === -1 && text.indexOf(0) === -1;
      this.result = clean ? { ok: true, line: text } : { ok: false, reply: replies.bareLineEnd };
    } else if (lf !== -1) {
      this.result = { ok: false, reply: replies.bareLineEnd };
    } else {
      this.#pending = line;
      return end;
    }
    if (!ended) {
      this.#skipping = true;
      this.#lastSkipped = chunk[end - 1] ?? 0;
    }
    return end;
  }
}
