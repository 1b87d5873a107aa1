import assert from 'node:assert/strict';
import { test } from 'node:test';
import { throttle } from './throttle.ts';

test('what is asked for often is done at once, then no more often than allowed, and last at the disposal', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let count = 0;
  const saving = throttle(async () => {
    count += 1;
  }, 1_000);
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  saving.ask();
  saving.ask();
  saving.ask();
  await settled();
  assert.equal(count, 1);
  t.mock.timers.tick(1_000);
  await settled();
  assert.equal(count, 2);
  t.mock.timers.tick(1_000);
  await settled();
  assert.equal(count, 2, 'nothing was asked for');
  saving.ask();
  saving.ask();
  await saving[Symbol.asyncDispose]();
  assert.equal(count, 4);
});
