import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { queueRig } from './testing/queue-rig.ts';

const key = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ add: key, after: fc.constantFrom(0, 0, 0, 10, 500) }) },
  { weight: 1, arbitrary: fc.record({ forget: key }) },
  { weight: 2, arbitrary: fc.record({ pass: fc.integer({ min: 1, max: 400 }) }) },
);
const run = fc.record({ lasts: fc.integer({ min: 0, max: 300 }), outcome: fc.constantFrom('done', 'fails', 'again') });

test('in any order of adds and runs: no key runs twice at once, no more than allowed, and no add is lost', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.array(run, { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, plan, concurrency) => {
        const running = new Set<string>();
        /** Keys for which no run began since they were added. */
        const owed = new Set<string>();
        // The queue catches what a run throws, so it is only noted here.
        const wrong: string[] = [];
        let isCalm = false;
        let count = 0;
        const { queue, time } = queueRig(t, {
          concurrency,
          process: async (it) => {
            if (running.has(it)) wrong.push(`${it} runs twice at once`);
            running.add(it);
            if (running.size > concurrency) wrong.push(`${running.size} run at once`);
            owed.delete(it);
            const { lasts, outcome } = plan[count++ % plan.length] ?? { lasts: 0, outcome: 'done' };
            await new Promise<void>((resolve) => time.timers.after(lasts, resolve));
            running.delete(it);
            if (outcome === 'fails' && !isCalm) throw new Error('by plan');
            return outcome === 'again' && !isCalm ? { again: 50 } : undefined;
          },
        });
        for (const it of steps) {
          if ('add' in it) {
            queue.add(it.add, { after: it.after });
            owed.add(it.add);
          } else if ('forget' in it) {
            queue.forget(it.forget);
            owed.delete(it.forget);
          } else await time.advance(it.pass);
        }
        isCalm = true;
        await time.advance(3_600_000);
        assert.deepEqual([...owed], []);
        assert.deepEqual(wrong, []);
        assert.equal(queue.figures().depth + queue.figures().running + queue.figures().delayed, 0);
        await queue[Symbol.asyncDispose]();
      },
    ),
    { numRuns: 200 },
  );
});
