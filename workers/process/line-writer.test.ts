import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLineWriter } from './line-writer.ts';

test('lines of one turn leave in one write, in order', async () => {
  const written: string[] = [];
  const writer = createLineWriter((lines) => written.push(lines));
  writer.write('a\n');
  writer.write('b\n');
  assert.deepEqual(written, []);
  await new Promise(setImmediate);
  assert.deepEqual(written, ['a\nb\n']);
});

test('many lines do not gather without bound, and a flush leaves nothing behind', async () => {
  const written: string[] = [];
  const writer = createLineWriter((lines) => written.push(lines));
  const line = `${'x'.repeat(1_000)}\n`;
  for (let i = 0; i < 40; i += 1) writer.write(line);
  assert.equal(written.length, 1);
  writer.flush();
  assert.equal(written.join(''), line.repeat(40));
  await new Promise(setImmediate);
  assert.equal(written.length, 2);
});
