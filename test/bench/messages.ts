/** One message of a benchmark: which run sent it, on which connection, and its number there, from 0. */
export interface MessageId {
  run: number;
  connection: number;
  sequence: number;
}

/**
 * A message of an exact size whose id can be written into it without building it anew. `content` is the message,
 * `wire` the same with dots doubled and the end of data (RFC 5321 section 4.5.2).
 */
export interface Template {
  content: Buffer;
  wire: Buffer;
}

/** Head and id are alike in content and wire, since no line of the head begins with a dot. */
const HEAD = 'Message-ID: <';
const ID_OFFSET = HEAD.length;
const ID_CHARACTERS = 20;
const LINE = 76;
/** One line in so many begins with a dot, about what quoted-printable text has at most. */
const DOT_EVERY = 40;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/**
 * @param bytes exact length of the content, at least 400
 * @param seed another seed, another body; the same seed, the same bytes
 */
export function buildTemplate(bytes: number, seed: number): Template {
  const head = `${HEAD}${'0'.repeat(ID_CHARACTERS)}@bench.example>\r
From: "Sender of the bench" <sender@bench.example>\r
To: "Recipient of the bench" <recipient@bench.example>\r
Subject: Message of an exact size\r
Date: Thu, 01 Jan 2026 00:00:00 +0000\r
MIME-Version: 1.0\r
Content-Type: text/plain; charset=us-ascii\r
\r
`;
  const random = xorshift(seed);
  const lines: string[] = [];
  let left = bytes - head.length;
  if (left < 2) throw new RangeError(`a message of ${bytes} bytes has no room for its head`);
  for (let number = 0; left > 0; number += 1) {
    // What remains behind a line must be nothing, or a line of its own.
    const whole = left >= LINE + 4 ? LINE : left - 2;
    const length = Math.min(whole, LINE);
    let line = number % DOT_EVERY === 0 && length > 0 ? '.' : '';
    while (line.length < length) line += LETTERS[random() & 63];
    lines.push(line);
    left -= length + 2;
  }
  const text = `${lines.join('\r\n')}\r\n`;
  return {
    content: Buffer.from(head + text, 'latin1'),
    wire: Buffer.from(`${(head + text).replaceAll('\r\n.', '\r\n..')}.\r\n`, 'latin1'),
  };
}

/** Writes the id into a content or a wire buffer, in place. */
export function writeId(message: Buffer, { run, connection, sequence }: MessageId): void {
  message.write(hex(run, 4) + hex(connection, 4) + hex(sequence, 12), ID_OFFSET, 'latin1');
}

/** The id that stands in a message, or undefined where it is none of ours. */
export function readId(message: Buffer): MessageId | undefined {
  const text = message.toString('latin1', 0, ID_OFFSET + ID_CHARACTERS);
  const match = /^Message-ID: <([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/.exec(text);
  if (match === null) return undefined;
  const [, run = '', connection = '', sequence = ''] = match;
  return {
    run: Number.parseInt(run, 16),
    connection: Number.parseInt(connection, 16),
    sequence: Number.parseInt(sequence, 16),
  };
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** Marsaglia's xorshift32: the same on every machine, unlike Math.random. */
function xorshift(seed: number): () => number {
  let state = (seed * 2_654_435_761 + 1) | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
