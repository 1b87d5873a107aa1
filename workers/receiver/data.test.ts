import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DataParser } from './data.ts';

interface Parsed {
  content: string;
  /** Bytes behind the end of data; undefined where it did not end. */
  rest: string | undefined;
}

/** Feeds the chunks to a parser; what follows the end is not parsed. */
function parse(chunks: string[]): Parsed {
  const parser = new DataParser();
  const parts: Buffer[] = [];
  for (const [i, chunk] of chunks.entries()) {
    const bytes = Buffer.from(chunk, 'latin1');
    const end = parser.push(bytes, 0, (part) => parts.push(part));
    if (end === -1) continue;
    const rest = bytes.toString('latin1', end) + chunks.slice(i + 1).join('');
    return { content: Buffer.concat(parts).toString('latin1'), rest };
  }
  return { content: Buffer.concat(parts).toString('latin1'), rest: undefined };
}

/** RFC 5321 4.5.2 read line by line over the whole input: slow, obvious. */
function reference(input: string): Parsed {
  let content = '';
  let at = 0;
  for (;;) {
    const crlf = input.indexOf('\r\n', at);
    const line = input.slice(at, crlf === -1 ? input.length : crlf);
    if (crlf === -1) {
      // What a later chunk could still turn into the end is not content yet.
      const open = line === '.' || line === '.\r' ? '' : line.startsWith('.') ? line.slice(1) : line;
      return { content: content + open, rest: undefined };
    }
    if (line === '.') return { content, rest: input.slice(crlf + 2) };
    content += `${line.startsWith('.') ? line.slice(1) : line}\r\n`;
    at = crlf + 2;
  }
}

function cut(input: string, sizes: number[]): string[] {
  const chunks: string[] = [];
  let at = 0;
  for (const size of sizes) {
    if (at >= input.length) break;
    chunks.push(input.slice(at, at + size));
    at += size;
  }
  if (at < input.length) chunks.push(input.slice(at));
  return chunks;
}

const cases: [string, string, Parsed][] = [
  ['an empty message', '.\r\n', { content: '', rest: '' }],
  ['a line', 'a\r\n.\r\n', { content: 'a\r\n', rest: '' }],
  ['what follows the end', 'a\r\n.\r\nQUIT\r\n', { content: 'a\r\n', rest: 'QUIT\r\n' }],
  ['a stuffed dot', '..\r\n.\r\n', { content: '.\r\n', rest: '' }],
  ['a dot that the peer forgot to stuff', '.x\r\n.\r\n', { content: 'x\r\n', rest: '' }],
  ['lines of dots', '....\r\n..\r\n.\r\n', { content: '...\r\n.\r\n', rest: '' }],
  ['a CR behind a dot that ends nothing', '.\rx\r\n.\r\n', { content: '\rx\r\n', rest: '' }],
  ['two CRs behind a dot', '.\r\r\n.\r\n', { content: '\r\r\n', rest: '' }],
  ['a dot behind a bare LF, kept', 'a\n..b\r\n.\r\n', { content: 'a\n..b\r\n', rest: '' }],
  ['a dot behind a bare CR, kept', 'a\r..b\r\n.\r\n', { content: 'a\r..b\r\n', rest: '' }],
  ['LF.LF', 'a\n.\nb\r\n.\r\n', { content: 'a\n.\nb\r\n', rest: '' }],
  ['LF.CRLF', 'a\n.\r\nb\r\n.\r\n', { content: 'a\n.\r\nb\r\n', rest: '' }],
  ['CRLF.LF', 'a\r\n.\nb\r\n.\r\n', { content: 'a\r\n\nb\r\n', rest: '' }],
  ['CR.CR', 'a\r.\rb\r\n.\r\n', { content: 'a\r.\rb\r\n', rest: '' }],
  ['CR.CRLF', 'a\r.\r\nb\r\n.\r\n', { content: 'a\r.\r\nb\r\n', rest: '' }],
  ['CRLF.CR', 'a\r\n.\rb\r\n.\r\n', { content: 'a\r\n\rb\r\n', rest: '' }],
  ['CR.LF', 'a\r.\nb\r\n.\r\n', { content: 'a\r.\nb\r\n', rest: '' }],
  ['LF.CR', 'a\n.\rb\r\n.\r\n', { content: 'a\n.\rb\r\n', rest: '' }],
  ['CRCRLF.CRLF', 'a\r\r\n.\r\n', { content: 'a\r\r\n', rest: '' }],
  ['CRLF NUL . CRLF', 'a\r\n\0.\r\n.\r\n', { content: 'a\r\n\0.\r\n', rest: '' }],
  ['NULs and 8-bit bytes', '\0\xff\r\n.\r\n', { content: '\0\xff\r\n', rest: '' }],
];

for (const [name, input, expected] of cases) {
  test(`DATA: ${name}, whole, byte by byte and cut at every place`, () => {
    assert.deepEqual(reference(input), expected, 'the reference');
    assert.deepEqual(parse([input]), expected);
    assert.deepEqual(parse([...input]), expected);
    for (let at = 1; at < input.length; at += 1) {
      assert.deepEqual(parse([input.slice(0, at), input.slice(at)]), expected, `cut at ${at}`);
    }
  });
}

test('any bytes in any chunking give what reading line by line gives', () => {
  const byte = fc.constantFrom('\r', '\n', '.', 'a', '\0', '\xe9', '\r\n', '\r\n.', '\r\n.\r', '.\r\n');
  fc.assert(
    fc.property(
      fc.array(byte, { maxLength: 60 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 }),
      (bytes, sizes) => {
        const input = bytes.join('');
        assert.deepEqual(parse(cut(input, sizes)), reference(input));
      },
    ),
    { numRuns: 20_000 },
  );
});

test('what is stuffed by the rule comes out as it was', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('.', '\r\n', '\r', '\n', 'x', '..'), { maxLength: 80 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 80 }),
      (parts, sizes) => {
        const message = `${parts.join('')}\r\n`;
        const wire = `${`\r\n${message}`.replaceAll('\r\n.', '\r\n..').slice(2)}.\r\n`;
        assert.deepEqual(parse(cut(wire, sizes)), { content: message, rest: '' });
      },
    ),
    { numRuns: 5_000 },
  );
});

test('a parser that is reset begins at the start of a line', () => {
  const parser = new DataParser();
  parser.push(Buffer.from('in the middle'), 0, () => undefined);
  parser.reset();
  assert.equal(
    parser.push(Buffer.from('.\r\n'), 0, () => assert.fail('no content')),
    3,
  );
});

test('content is given as parts of the received chunk, so nothing is copied out of it', () => {
  const chunk = Buffer.from('a\r\n..b\r\n..c\r\n.\r\nNOOP\r\n');
  const parts: Buffer[] = [];
  assert.equal(
    new DataParser().push(chunk, 0, (part) => parts.push(part)),
    chunk.length - 6,
  );
  assert.equal(parts.length, 1);
  assert.equal(parts[0]?.buffer, chunk.buffer);
  assert.equal(chunk.toString('latin1', chunk.length - 6), 'NOOP\r\n', 'what follows is untouched');
});
