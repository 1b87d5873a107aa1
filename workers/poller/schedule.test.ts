import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextPollIn } from './schedule.ts';

const times = { slowCheckMs: 3_600_000, soonMs: 5_000 };

test('the wait follows the interval, the kind of failure, and what the server asks for', () => {
  for (const [fault, random, wait] of [
    [undefined, 0.5, 60_000],
    [undefined, 0, 54_000],
    [undefined, 1, 66_000],
    [{ retry: 'later' }, 0.5, 60_000],
    [{ retry: 'later', retryAfterMs: 299_000 }, 0.5, 299_000],
    [{ retry: 'now' }, 0.5, 5_000],
    [{ retry: 'never' }, 0.5, 3_600_000],
  ] as const) {
    assert.equal(Math.round(nextPollIn(60_000, fault, times, random)), wait);
  }
});

test('a slow check is never sooner than the interval that was asked for', () => {
  assert.equal(nextPollIn(7_200_000, { retry: 'never' }, times, 0.5), 7_200_000);
});
