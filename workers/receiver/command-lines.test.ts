import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandLines } from './command-lines.ts';

/** Lines as text, refusals as their code. */
function lines(chunks: string[]): string[] {
  const reader = new CommandLines();
  const found: string[] = [];
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk, 'latin1');
    for (let at = 0; at < bytes.length; ) {
      at = reader.read(bytes, at);
      const { result } = reader;
      if (result !== undefined) found.push(result.ok ? result.line.toString('latin1') : result.reply.text.slice(0, 9));
    }
  }
  return found;
}

const long = 'x'.repeat(3_000);
const cases: [string, string, string[]][] = [
  ['lines', 'EHLO a\r\nQUIT\r\n', ['EHLO a', 'QUIT']],
  ['an empty line', '\r\n', ['']],
  ['an open line', 'EHLO', []],
  ['a bare LF refuses up to the next CRLF', 'RCPT TO:<a>\nDATA\r\nNOOP\r\n', ['500 5.5.2', 'NOOP']],
  ['several bare LFs are one refusal', 'a\nb\nc\r\nNOOP\r\n', ['500 5.5.2', 'NOOP']],
  ['a bare CR', 'a\rb\r\nNOOP\r\n', ['500 5.5.2', 'NOOP']],
  ['CR CR LF', 'a\r\r\nNOOP\r\n', ['500 5.5.2', 'NOOP']],
  ['NUL', 'NO\0OP\r\nNOOP\r\n', ['500 5.5.2', 'NOOP']],
  ['a line that is too long', `${long}\r\nNOOP\r\n`, ['500 5.5.6', 'NOOP']],
  ['a long line that is cut by LF', `${long}\n${long}\r\nNOOP\r\n`, ['500 5.5.6', 'NOOP']],
];
for (const [name, input, expected] of cases) {
  test(`command lines: ${name}`, () => {
    assert.deepEqual(lines([input]), expected);
    assert.deepEqual(lines([...input]), expected, 'byte by byte');
  });
}

test('chunking changes nothing', () => {
  const piece = fc.constantFrom('NOOP', '\r', '\n', '\r\n', '\0', 'a');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.integer({ min: 1, max: 5 }), (pieces, size) => {
      const input = pieces.join('');
      const chunks = Array.from({ length: Math.ceil(input.length / size) }, (_, i) =>
        input.slice(i * size, (i + 1) * size),
      );
      assert.deepEqual(lines(chunks), lines([input]));
    }),
    { numRuns: 2_000 },
  );
});
