import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createDurableMark } from './mark.ts';

test('the mark is the number up to which all are settled, in whatever order they settle', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(Array.from({ length: 20 }, (_, i) => i + 1)), (order) => {
      const mark = createDurableMark();
      const settled = new Set<number>();
      for (const number of order) {
        mark.settle(number);
        settled.add(number);
        let expected = 0;
        while (settled.has(expected + 1)) expected += 1;
        assert.equal(mark.durable, expected);
      }
    }),
  );
});
