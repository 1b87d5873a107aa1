import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonLines } from './json-lines.ts';

async function* cut(bytes: Buffer, at: readonly number[]): AsyncGenerator<Buffer> {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let i = 1; i < places.length; i++) yield bytes.subarray(places[i - 1], places[i]);
}

test('lines come out whole, wherever the stream is cut', async () => {
  const values = fc.array(fc.tuple(fc.string({ unit: 'binary' }), fc.integer()));
  await fc.assert(
    fc.asyncProperty(values, fc.array(fc.nat()), fc.boolean(), async (sent, at, ended) => {
      const text = sent.map((value) => JSON.stringify(value)).join('\n') + (ended ? '\n' : '');
      assert.deepEqual(await Array.fromAsync(jsonLines(cut(Buffer.from(text), at), 1_000_000)), sent);
    }),
  );
});

test('empty lines are nothing', async () => {
  assert.deepEqual(await Array.fromAsync(jsonLines(cut(Buffer.from('\n1\r\n\n2\n'), []), 10)), [1, 2]);
});

test('a line that broke off is an error, after what came before it', async () => {
  const lines = jsonLines(cut(Buffer.from('{"a":1}\n{"a":'), [3]), 100);
  assert.deepEqual((await lines.next()).value, { a: 1 });
  await assert.rejects(lines.next(), { code: 'Unreadable', retry: 'later' });
});

test('a line is never longer in memory than its bound, also where it does not end', async () => {
  let taken = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      taken += 10;
      yield Buffer.alloc(10, 'x');
    }
  }
  await assert.rejects(jsonLines(endless(), 100).next(), { code: 'Unreadable' });
  assert.equal(taken, 110);
});

test('the next bytes are read when the value before was taken', async () => {
  let taken = 0;
  async function* numbers(): AsyncGenerator<Buffer> {
    for (; ; taken++) yield Buffer.from(`${taken}\n`);
  }
  const lines = jsonLines(numbers(), 100);
  await lines.next();
  await lines.next();
  assert.equal(taken, 1);
  await lines.return(undefined);
});
