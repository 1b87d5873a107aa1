import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createGate } from './gate.ts';

test('no more than the width run at once, in order, and one that fails or gives up makes room', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.constantFrom('works', 'fails', 'gives up'), { maxLength: 20 }),
      async (width, kinds) => {
        const gate = createGate(width);
        let running = 0;
        const begun: number[] = [];
        const all = kinds.map((kind, n) => {
          const patience = new AbortController();
          const task = async (): Promise<void> => {
            begun.push(n);
            running += 1;
            assert.ok(running <= width);
            await Promise.resolve();
            running -= 1;
            if (kind === 'fails') throw new Error(kind);
          };
          const ended = gate.run(task, patience.signal).then(
            () => 'works',
            (error: Error) => error.message,
          );
          if (kind === 'gives up') patience.abort(new Error(kind));
          return ended;
        });
        const outcomes = await Promise.all(all);
        kinds.forEach((kind, n) => {
          // Whoever was let in at once had no time to give up.
          assert.ok(outcomes[n] === kind || (kind === 'gives up' && outcomes[n] === 'works'));
        });
        assert.deepEqual(
          begun,
          [...begun].sort((a, b) => a - b),
        );
        assert.equal(await gate.run(async () => 'free again', new AbortController().signal), 'free again');
      },
    ),
  );
});
