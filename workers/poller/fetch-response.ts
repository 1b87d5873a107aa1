import type { LiteralSink, ResponsePart } from './splitter.ts';

/** What a FETCH response says of one message. */
export interface FetchedMessage {
  uid?: number;
  /** RFC 3501 date-time, as the server wrote it, without quotes. */
  internalDate?: string;
  /** Absent where the response has no `BODY[]`, or NIL for it. Bytes where the server sent it as a quoted string. */
  body?: LiteralSink | Buffer;
}

type Value = string | Buffer | LiteralSink | null | { list: true };

/** True where this text, standing before a literal, says that the literal is a whole message. */
export function beginsBody(before: string): boolean {
  return /[( ]BODY\[\] $/i.test(before);
}

/**
 * Reads `* n FETCH (name value ...)` (RFC 3501 section 7.4.2) with the names in any order.
 *
 * @returns undefined where the response is something else
 * @throws SyntaxError where it is a FETCH response that does not follow the grammar
 */
export function parseFetch(parts: readonly ResponsePart[]): FetchedMessage | undefined {
  const head = parts[0];
  const start = typeof head === 'string' ? /^\* \d+ FETCH \(/i.exec(head) : null;
  if (start === null) return undefined;
  const input = new Input(parts, start[0].length);
  const message: FetchedMessage = {};
  for (;;) {
    input.spaces();
    if (input.taken(')')) break;
    const name = input.name().toUpperCase();
    input.spaces();
    const value = input.value();
    if (name === 'UID' && typeof value === 'string' && /^[1-9]\d{0,9}$/.test(value)) message.uid = Number(value);
    else if (name === 'INTERNALDATE' && typeof value === 'string') message.internalDate = value.trim();
    else if (name === 'BODY[]' && value !== null) {
      if (typeof value === 'string') message.body = Buffer.from(value, 'latin1');
      else if (!('list' in value)) message.body = value;
    }
  }
  input.end();
  return message;
}

/** Position in the parts of one response. */
class Input {
  readonly #parts: readonly ResponsePart[];
  #part = 0;
  #at: number;

  constructor(parts: readonly ResponsePart[], at: number) {
    this.#parts = parts;
    this.#at = at;
  }

  get #text(): string {
    const part = this.#parts[this.#part];
    return typeof part === 'string' ? part : '';
  }

  spaces(): void {
    while (this.#text[this.#at] === ' ') this.#at += 1;
  }

  taken(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  /** An attribute's name with its section, which may hold spaces: `BODY[HEADER.FIELDS (DATE)]<0>`. */
  name(): string {
    return this.#match(/[^\s()"[\]{}]+(?:\[[^\]]*\])?(?:<\d+>)?/y);
  }

  value(): Value {
    const part = this.#parts[this.#part];
    if (typeof part !== 'string') throw new SyntaxError('the response ends too early');
    if (this.#at >= part.length) {
      const literal = this.#parts[this.#part + 1];
      if (literal === undefined || typeof literal === 'string') throw new SyntaxError('a value is missing');
      this.#part += 2;
      this.#at = 0;
      return literal;
    }
    if (this.taken('(')) {
      for (this.spaces(); !this.taken(')'); this.spaces()) this.value();
      return { list: true };
    }
    if (part[this.#at] === '"') {
      return this.#match(/"(?:[^"\\]|\\.)*"/y)
        .slice(1, -1)
        .replace(/\\(.)/g, '$1');
    }
    const atom = this.#match(/[^\s()"]+/y);
    return atom.toUpperCase() === 'NIL' ? null : atom;
  }

  end(): void {
    if (this.#part !== this.#parts.length - 1 || this.#text.slice(this.#at).trim() !== '') {
      throw new SyntaxError('something follows the response');
    }
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) throw new SyntaxError('the response does not follow the grammar');
    this.#at = pattern.lastIndex;
    return found[0];
  }
}
