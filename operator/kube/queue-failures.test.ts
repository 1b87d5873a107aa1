import assert from 'node:assert/strict';
import { test } from 'node:test';
import { queueRig } from './testing/queue-rig.ts';

test('a failure is tried again later and later, and forgiven after a success; no other key waits for it', async (t) => {
  let works = false;
  const { queue, runs, failures, time } = queueRig(t, {
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
  const { queue, runs, time } = queueRig(t, {
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
  const { queue, failures, time } = queueRig(t, {
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
  const { queue, time, logged } = queueRig(t, { process: fails, onFailure: fails, observe: fails });
  queue.add('a');
  await time.advance(1_000);
  assert.equal(logged.filter((event) => event === 'processing-failed').length, 2);
  assert.ok(logged.includes('queue-hook-failed'));
});
