import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoff } from './backoff.ts';

test('the wait doubles from the least to the most', () => {
  for (const [failures, wait] of [
    [1, 1_000],
    [2, 2_000],
    [5, 16_000],
    [6, 30_000],
    [10_000, 30_000],
  ] as const) {
    assert.equal(backoff(failures, 1_000, 30_000, 0), wait);
  }
});

test('chance takes at most a quarter away', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const full = backoff(failures, 1_000, 30_000, 0);
      const wait = backoff(failures, 1_000, 30_000, random);
      assert.ok(wait <= full && wait >= full * 0.75);
    }),
  );
});
