import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { median, pairedRatio, quantile, turned } from './statistics.ts';

test('the median is the middle value, or the mean of the two middle ones', () => {
  const cases: [number[], number][] = [
    [[7], 7],
    [[9, 1, 5], 5],
    [[4, 1, 3, 2], 2.5],
    [[10, 9, 100, 1, 2], 9],
  ];
  for (const [values, expected] of cases) assert.equal(median(values), expected, String(values));
  assert.ok(Number.isNaN(median([])));
});

test('a quantile is one of the values, by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.equal(quantile(hundred, 0.5), 50);
  assert.equal(quantile(hundred, 0.99), 99);
  assert.equal(quantile(hundred, 1), 100);
  assert.equal(quantile(hundred, 0), 1);
  assert.equal(quantile([3], 0.99), 3);
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true }), { minLength: 1 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, share) => {
        const found = quantile(values, share);
        assert.ok(values.some((value) => value === found));
        assert.ok(values.filter((value) => value <= found).length >= share * values.length);
      },
    ),
  );
});

test('rates are compared round by round, not by their medians', () => {
  // A slow second round must not count: both were slow in it.
  assert.deepEqual(pairedRatio([400, 40, 420], [100, 10, 100]), { median: 4, least: 4, most: 4.2, rounds: 3 });
  assert.equal(pairedRatio([1, 100, 100], [1, 10, 100]).median, 1);
});

test('rounds that do not pair are an error, never a ratio', () => {
  assert.throws(() => pairedRatio([1, 2], [1]), RangeError);
  assert.throws(() => pairedRatio([], []), RangeError);
  assert.throws(() => pairedRatio([1], [0]), RangeError);
  assert.throws(() => pairedRatio([Number.NaN], [1]), RangeError);
});

test('each round begins with another run', () => {
  assert.deepEqual(turned(['a', 'b', 'c'], 0), ['a', 'b', 'c']);
  assert.deepEqual(turned(['a', 'b', 'c'], 1), ['b', 'c', 'a']);
  assert.deepEqual(turned(['a', 'b', 'c'], 5), ['c', 'a', 'b']);
  assert.deepEqual(turned([], 3), []);
});
