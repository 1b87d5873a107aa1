import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { createQueue, type Queue, type QueueFailure, type QueueOptions } from './queue.ts';
import type { QueueEvent } from './queue-figures.ts';
import { type ManualTime, manualTime } from './testing/manual-time.ts';

interface Rig {
  time: ManualTime;
  queue: Queue<string>;
  /** `key at` for each run that began, with the time in ms. */
  runs: string[];
  failures: QueueFailure<string>[];
  events: QueueEvent[];
  logged: string[];
}

/** A queue with its own time; without a `process`, every run succeeds at once. */
function rig(t: TestContext, options: Partial<QueueOptions<string>> = {}): Rig {
  const time = manualTime();
  const made: Omit<Rig, 'queue'> = { time, runs: [], failures: [], events: [], logged: [] };
  const log = (event: string): void => void made.logged.push(event);
  const queue = createQueue<string>({
    concurrency: 1,
    random: () => 0,
    log: { info: log, warn: log, error: log },
    clock: time.clock,
    timers: time.timers,
    onFailure: (failure) => made.failures.push(failure),
    observe: (event) => made.events.push(event),
    ...options,
    process: async (key, signal) => {
      made.runs.push(`${key} ${time.clock.monotonic()}`);
      return await options.process?.(key, signal);
    },
  });
  t.after(() => queue[Symbol.asyncDispose]());
  return { ...made, queue };
}

/** Runs that last until they are let go. */
function held(): { process: () => Promise<undefined>; release: () => void; running: number; most: number } {
  const waiting: (() => void)[] = [];
  const made = {
    running: 0,
    most: 0,
    process: async (): Promise<undefined> => {
      made.running += 1;
      made.most = Math.max(made.most, made.running);
      await new Promise<void>((resolve) => waiting.push(resolve));
      made.running -= 1;
    },
    release: () => waiting.shift()?.(),
  };
  return made;
}

test('what is added in one go is one run for each key, in the order it came', async (t) => {
  const { queue, runs } = rig(t);
  for (const key of ['b', 'a', 'b', 'c', 'a']) queue.add(key);
  await queue.idle();
  assert.deepEqual(runs, ['b 0', 'a 0', 'c 0']);
});

test('a hundred adds during a run are exactly one more', async (t) => {
  const work = held();
  const { queue, runs, time } = rig(t, { process: work.process, concurrency: 5 });
  queue.add('a');
  await time.settle();
  for (let n = 0; n < 100; n += 1) queue.add('a');
  await time.settle();
  assert.equal(runs.length, 1);
  work.release();
  await time.settle();
  assert.equal(runs.length, 2);
  work.release();
  await queue.idle();
  assert.equal(runs.length, 2);
  assert.equal(work.most, 1);
});

test('different keys run at once, up to the concurrency', async (t) => {
  const work = held();
  const { queue, time } = rig(t, { process: work.process, concurrency: 3 });
  for (const key of 'abcdefg') queue.add(key);
  for (let n = 0; n < 7; n += 1) {
    await time.settle();
    work.release();
  }
  await queue.idle();
  assert.equal(work.most, 3);
});

test('the earliest time wins', async (t) => {
  const { queue, runs, time } = rig(t);
  queue.add('later', { after: 5_000 });
  queue.add('later', { after: 9_000 });
  queue.add('sooner', { after: 5_000 });
  queue.add('sooner', { after: 2_000 });
  queue.add('at once', { after: 5_000 });
  queue.add('at once');
  await time.advance(60_000);
  assert.deepEqual(runs, ['at once 0', 'sooner 2000', 'later 5000']);
  assert.equal(time.waiting, 0);
});

test('what somebody waits for comes before the background, and lifts a key that waits there', async (t) => {
  const work = held();
  const { queue, runs, time } = rig(t, { process: work.process });
  queue.add('first');
  await time.settle();
  for (const key of ['x', 'y', 'z']) queue.add(key, { priority: 'background' });
  queue.add('a');
  queue.add('z');
  for (let n = 0; n < 5; n += 1) {
    await time.settle();
    work.release();
  }
  await queue.idle();
  assert.deepEqual(runs, ['first 0', 'z 0', 'a 0', 'x 0', 'y 0']);
});

test('a run may say when it wants to be run again, and an add brings that forward', async (t) => {
  const { queue, runs, time } = rig(t, { process: async () => ({ again: 10_000 }) });
  queue.add('a');
  await time.advance(25_000);
  queue.add('a');
  await time.advance(10_000);
  assert.deepEqual(runs, ['a 0', 'a 10000', 'a 20000', 'a 25000', 'a 35000']);
});

test('a failure is tried again later and later, and forgiven after a success; no other key waits for it', async (t) => {
  let works = false;
  const { queue, runs, failures, time } = rig(t, {
    process: async (key) => {
      if (key === 'bad' && !works) throw new Error('the server said no');
    },
  });
  queue.add('bad');
  queue.add('good');
  await time.advance(1_200_000);
  assert.deepEqual(
    failures.map(({ retryInMs }) => retryInMs / 1000),
    [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300],
  );
  assert.equal(runs[1], 'good 0');
  assert.equal(queue.figures().failing, 1);
  works = true;
  queue.add('bad');
  await time.advance(0);
  assert.equal(queue.figures().failing, 0);
  works = false;
  queue.add('bad');
  await time.advance(0);
  assert.deepEqual(failures.at(-1), { ...failures.at(-1), failures: 1, retryInMs: 1_000 });
});

test('a failed key that is added runs at once: what mended it may be why', async (t) => {
  let works = false;
  const { queue, runs, time } = rig(t, {
    process: async () => {
      if (!works) throw new Error('no');
    },
  });
  queue.add('a');
  await time.advance(10_000);
  works = true;
  queue.add('a');
  await time.advance(600_000);
  assert.deepEqual(runs, ['a 0', 'a 1000', 'a 3000', 'a 7000', 'a 10000']);
});

test('what the server asked to wait is waited, and chance shortens only our own wait', async (t) => {
  const { queue, failures, time } = rig(t, {
    random: () => 1,
    process: async (key) => {
      throw Object.assign(new Error('busy'), key === 'asked' && { retryAfterMs: 20_000 });
    },
  });
  queue.add('asked');
  queue.add('own');
  await time.advance(0);
  assert.deepEqual(
    failures.map(({ key, retryInMs }) => [key, retryInMs]),
    [
      ['asked', 20_000],
      ['own', 750],
    ],
  );
});

test('a function that throws at once, and hooks that do, stop nothing', async (t) => {
  const fails = (): never => {
    throw new Error('mistake');
  };
  const { queue, time, logged } = rig(t, { process: fails, onFailure: fails, observe: fails });
  queue.add('a');
  await time.advance(1_000);
  assert.equal(logged.filter((event) => event === 'processing-failed').length, 2);
  assert.ok(logged.includes('queue-hook-failed'));
});

test('a forgotten key is not run again, whatever becomes of its run, until it is added', async (t) => {
  const outcome = Promise.withResolvers<{ again: number } | undefined>();
  const { queue, runs, time } = rig(t, { process: () => outcome.promise, concurrency: 2 });
  queue.add('running');
  await time.settle();
  queue.add('running');
  queue.add('waiting', { after: 1_000 });
  queue.forget('running');
  queue.forget('waiting');
  queue.forget('never heard of');
  outcome.reject(new Error('it is gone'));
  await time.advance(3_600_000);
  assert.deepEqual(runs, ['running 0']);
  assert.deepEqual(queue.figures(), {
    depth: 0,
    delayed: 0,
    running: 0,
    failing: 0,
    longestRunningMs: 0,
    unfinishedMs: 0,
  });
  queue.add('running');
  await time.settle();
  assert.equal(runs.length, 2);
});

test('the disposal tells what runs, waits for it, and leaves no timer; adds after it do nothing', async (t) => {
  let told = false;
  const { queue, runs, time } = rig(t, {
    process: async (_, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      told = true;
      throw new Error('stopped');
    },
  });
  queue.add('a');
  queue.add('b');
  queue.add('c', { after: 1_000 });
  await time.settle();
  const idle = queue.idle();
  await queue[Symbol.asyncDispose]();
  await idle;
  assert.equal(told, true);
  assert.equal(time.waiting, 0);
  queue.add('d');
  await time.advance(10_000);
  await queue.idle();
  assert.deepEqual(runs, ['a 0']);
});

test('figures and events say what waits, for how long, and what became of it', async (t) => {
  const work = held();
  const { queue, time, events } = rig(t, { process: work.process });
  for (const key of ['a', 'b']) queue.add(key);
  queue.add('c', { after: 60_000 });
  await time.advance(3_000);
  assert.deepEqual(queue.figures(), {
    depth: 1,
    delayed: 1,
    running: 1,
    failing: 0,
    longestRunningMs: 3_000,
    unfinishedMs: 3_000,
  });
  work.release();
  await time.settle();
  assert.deepEqual(events, [
    { type: 'added' },
    { type: 'added' },
    { type: 'added' },
    { type: 'started', queuedMs: 0 },
    { type: 'finished', workMs: 3_000, outcome: 'done' },
    { type: 'started', queuedMs: 3_000 },
  ]);
  work.release();
});

test('ten thousand keys that wait for their time have one timer', async (t) => {
  const { queue, runs, time } = rig(t, { concurrency: 100 });
  for (let n = 0; n < 10_000; n += 1) queue.add(`key ${n}`, { after: 1_000 + (n % 10), priority: 'background' });
  await time.settle();
  assert.equal(time.waiting, 1);
  await time.advance(2_000);
  assert.equal(new Set(runs).size, 10_000);
});

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
        const { queue, time } = rig(t, {
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
