import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createHeap } from './heap.ts';

interface Item {
  key: string;
  order: number;
}

const step = fc.oneof(
  fc.record({ set: fc.constantFrom(...'abcdefghijklmnop'), order: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ delete: fc.constantFrom(...'abcdefghijklmnop') }),
  fc.constant('take first' as const),
);

test('whatever is put in, moved and taken out, the first is the least of what is there', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = createHeap<string, Item>(
        ({ key }) => key,
        (a, b) => a.order < b.order,
      );
      const truth = new Map<string, number>();
      for (const it of steps) {
        if (it === 'take first') {
          const { first } = heap;
          if (first === undefined) continue;
          assert.equal(heap.delete(first.key), truth.delete(first.key));
        } else if ('set' in it) {
          heap.set(it.set, { key: it.set, order: it.order });
          truth.set(it.set, it.order);
        } else {
          assert.equal(heap.delete(it.delete), truth.delete(it.delete));
        }
        assert.equal(heap.size, truth.size);
        assert.equal(heap.first?.order, truth.size === 0 ? undefined : Math.min(...truth.values()));
        for (const [key, order] of truth) assert.equal(heap.get(key)?.order, order);
      }
    }),
  );
});
