import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heldRuns, queueRig } from './testing/queue-rig.ts';

test('what is added in one go is one run for each key, in the order it came', async (t) => {
  const { queue, runs } = queueRig(t);
  for (const key of ['b', 'a', 'b', 'c', 'a']) queue.add(key);
  await queue.idle();
  assert.deepEqual(runs, ['b 0', 'a 0', 'c 0']);
});

test('a hundred adds during a run are exactly one more', async (t) => {
  const work = heldRuns();
  const { queue, runs, time } = queueRig(t, { process: work.process, concurrency: 5 });
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
  const work = heldRuns();
  const { queue, time } = queueRig(t, { process: work.process, concurrency: 3 });
  for (const key of 'abcdefg') queue.add(key);
  for (let n = 0; n < 7; n += 1) {
    await time.settle();
    work.release();
  }
  await queue.idle();
  assert.equal(work.most, 3);
});

test('the earliest time wins', async (t) => {
  const { queue, runs, time } = queueRig(t);
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
  const work = heldRuns();
  const { queue, runs, time } = queueRig(t, { process: work.process });
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
  const { queue, runs, time } = queueRig(t, { process: async () => ({ again: 10_000 }) });
  queue.add('a');
  await time.advance(25_000);
  queue.add('a');
  await time.advance(10_000);
  assert.deepEqual(runs, ['a 0', 'a 10000', 'a 20000', 'a 25000', 'a 35000']);
});

test('a forgotten key is not run again, whatever becomes of its run, until it is added', async (t) => {
  const outcome = Promise.withResolvers<{ again: number } | undefined>();
  const { queue, runs, time } = queueRig(t, { process: () => outcome.promise, concurrency: 2 });
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
  const { queue, runs, time } = queueRig(t, {
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
  const work = heldRuns();
  const { queue, time, events } = queueRig(t, { process: work.process });
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
  const { queue, runs, time } = queueRig(t, { concurrency: 100 });
  for (let n = 0; n < 10_000; n += 1) queue.add(`key ${n}`, { after: 1_000 + (n % 10), priority: 'background' });
  await time.settle();
  assert.equal(time.waiting, 1);
  await time.advance(2_000);
  assert.equal(new Set(runs).size, 10_000);
});

test('a run that always wants another at once leaves time for all else', async (t) => {
  const { queue, runs, time } = queueRig(t, { process: async () => ({ again: 0 }) });
  queue.add('a');
  await time.advance(100);
  assert.equal(runs.length, 11);
});
