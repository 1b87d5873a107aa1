import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FaultError } from '../process/fault-error.ts';
import { beginsBody, parseFetch } from './fetch-response.ts';
import { type ResponsePart, ResponseSplitter } from './splitter.ts';

class Collected {
  readonly chunks: Buffer[] = [];
  write(chunk: Buffer): void {
    this.chunks.push(chunk);
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

/** Splits `input` in the given chunks; with `holding`, stops at every body and goes on after the chunk. */
function split(chunks: Iterable<Buffer>, holding = false): ResponsePart[][] {
  const responses: ResponsePart[][] = [];
  const splitter = new ResponseSplitter({
    literal: (before) => {
      if (!beginsBody(before)) return undefined;
      if (holding) splitter.hold();
      return new Collected();
    },
    response: (parts) => responses.push(parts),
  });
  for (const chunk of chunks) {
    splitter.push(chunk);
    splitter.release();
  }
  return responses;
}

function* pieces(input: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let turn = 0; at < input.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield input.subarray(at, at + size);
    at += size;
  }
}

const bodyOf = (parts: ResponsePart[] | undefined): Buffer | undefined => {
  const body = parts && parseFetch(parts)?.body;
  return body instanceof Collected ? body.bytes : Buffer.isBuffer(body) ? body : undefined;
};

test('message bodies come out byte-exact whatever they hold and however the bytes are cut', () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc
      .constantFrom(')\r\n* 2 FETCH (UID 9 BODY[] {3}\r\nabc)\r\n', '\r\n', '{5}\r\n', 'a1 OK done\r\n', '')
      .map(Buffer.from),
  );
  fc.assert(
    fc.property(
      fc.array(body, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
      fc.boolean(),
      (bodies, sizes, holding) => {
        const input = Buffer.concat([
          ...bodies.flatMap((bytes, at) => [
            Buffer.from(`* ${at + 1} FETCH (UID ${at + 10} BODY[] {${bytes.length}}\r\n`),
            bytes,
            Buffer.from(')\r\n'),
          ]),
          Buffer.from('a1 OK done {4}\r\n'),
        ]);
        const responses = split(pieces(input, sizes), holding);
        assert.equal(responses.length, bodies.length + 1);
        bodies.forEach((bytes, at) => {
          assert.deepEqual(bodyOf(responses[at]), bytes);
          assert.equal(parseFetch(responses[at] ?? [])?.uid, at + 10);
        });
        assert.deepEqual(responses.at(-1), ['a1 OK done {4}']);
      },
    ),
  );
});

test('names may come in any order, with short literals, lists and names that were not asked for', () => {
  const input =
    '* 3 FETCH (FLAGS (\\Seen $X) BODY[] {3}\r\nabc ENVELOPE ("x" NIL (("a" NIL {2}\r\nb) "c"))) X-LABEL {3}\r\n"a" ' +
    'BODY[HEADER.FIELDS (DATE)]<0> "" INTERNALDATE " 1-Jan-2026 10:00:00 +0000" UID 2147483647)\r\n';
  const [parts] = split([Buffer.from(input)]);
  assert.deepEqual(bodyOf(parts), Buffer.from('abc'));
  const message = parseFetch(parts ?? []);
  assert.equal(message?.uid, 2_147_483_647);
  assert.equal(message?.internalDate, '1-Jan-2026 10:00:00 +0000');
});

test('a body may be a quoted string, empty, or NIL', () => {
  for (const [text, body] of [
    ['"a \\"b\\" \\\\ c"', 'a "b" \\ c'],
    ['""', ''],
    ['{0}\r\n', ''],
    ['NIL', undefined],
  ] as const) {
    const [parts] = split([Buffer.from(`* 1 FETCH (UID 5 BODY[] ${text})\r\n`)]);
    assert.equal(bodyOf(parts)?.toString(), body, text);
  }
});

test('what is no FETCH response is told apart from one that is broken', () => {
  assert.equal(parseFetch(['* 5 EXISTS']), undefined);
  assert.equal(parseFetch(['* BYE fetch (x)']), undefined);
  for (const parts of [
    ['* 1 FETCH (UID 5'],
    ['* 1 FETCH (UID 5) more'],
    ['* 1 FETCH (UID 5 BODY[] ', new Collected(), 'garbage'],
    ['* 1 FETCH (BODY[] ', new Collected(), ')', Buffer.from('x'), ''],
    ['* 1 FETCH (BODY[] "open)'],
  ]) {
    assert.throws(() => parseFetch(parts), SyntaxError);
  }
});

test('a line that never ends is cut off at 1 MB', () => {
  const line = Buffer.alloc(64 * 1024, 'a');
  const splitter = new ResponseSplitter({ literal: () => undefined, response: () => undefined });
  const flood = (): void => {
    for (let sent = 0; sent < 32; sent += 1) splitter.push(line);
  };
  assert.throws(flood, (error) => error instanceof FaultError && error.code === 'ProtocolError');
});
