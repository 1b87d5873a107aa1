import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createByteBudget } from './byte-budget.ts';

test('bytes are granted up to the limit and again when given back', async () => {
  const budget = createByteBudget(100);
  assert.equal(budget.tryTake(60), true);
  assert.equal(budget.tryTake(60), false);
  const waiting = budget.take(60);
  budget.give(60);
  await waiting;
  assert.equal(budget.used, 60);
});

test('a small request does not overtake a large one that waits', async () => {
  const budget = createByteBudget(100);
  await budget.take(50);
  const large = budget.take(80);
  assert.equal(budget.tryTake(10), false);
  budget.give(50);
  await large;
  assert.equal(budget.used, 80);
});

test('more than the whole budget passes when nothing else is held', async () => {
  const budget = createByteBudget(100);
  await budget.take(500);
  assert.equal(budget.tryTake(1), false);
  budget.give(500);
  assert.equal(budget.tryTake(1), true);
});

test('who gives up waiting takes nothing and lets the next one pass', async () => {
  const budget = createByteBudget(100);
  await budget.take(90);
  const impatient = new AbortController();
  const given = budget.take(50, impatient.signal);
  const next = budget.take(5);
  impatient.abort(new Error('enough'));
  await assert.rejects(given, /enough/);
  await next;
  assert.equal(budget.used, 95);
});

test('whatever is taken and given, the bound holds and everyone is served in the end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 100 }), { maxLength: 40 }), async (requests) => {
      const budget = createByteBudget(100);
      let served = 0;
      await Promise.all(
        requests.map(async (bytes) => {
          await budget.take(bytes);
          assert.ok(budget.used <= 100);
          await Promise.resolve();
          budget.give(bytes);
          served += 1;
        }),
      );
      assert.equal(served, requests.length);
      assert.equal(budget.used, 0);
    }),
  );
});
