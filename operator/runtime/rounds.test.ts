import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createRounds, type Rounds } from './rounds.ts';

function rounds(t: TestContext, round: () => Promise<number | undefined>): { rounds: Rounds; failures: unknown[] } {
  const failures: unknown[] = [];
  const created = createRounds(round, Date.now, (error) => failures.push(error));
  t.after(() => created[Symbol.asyncDispose]());
  return { rounds: created, failures };
}

test('requests of one turn make one round, and never do two rounds overlap', async (t) => {
  let count = 0;
  let inside = 0;
  const { rounds: under } = rounds(t, async () => {
    inside += 1;
    assert.equal(inside, 1);
    count += 1;
    await new Promise((resolve) => setImmediate(resolve));
    inside -= 1;
    return undefined;
  });
  under.request();
  under.request();
  await under.next();
  assert.equal(count, 1);
});

test('a request during a round gets a round of its own', async (t) => {
  let count = 0;
  let during: Promise<void> | undefined;
  const { rounds: under } = rounds(t, async () => {
    count += 1;
    if (count === 1) during = under.next();
    return undefined;
  });
  await under.next();
  await during;
  assert.equal(count, 2);
});

test('a round that names a time is run again then', async (t) => {
  const second = Promise.withResolvers<void>();
  let count = 0;
  const { rounds: under } = rounds(t, async () => {
    count += 1;
    if (count === 2) second.resolve();
    return count === 1 ? Date.now() + 5 : undefined;
  });
  under.request();
  await second.promise;
});

test('a failed round is told to who waits for it, is kept, and is tried again', async (t) => {
  const again = Promise.withResolvers<void>();
  let count = 0;
  const { rounds: under, failures } = rounds(t, async () => {
    count += 1;
    if (count === 1) throw new Error('disk full');
    again.resolve();
    return undefined;
  });
  await assert.rejects(under.next(), /disk full/);
  assert.match(String(under.failure), /disk full/);
  assert.equal(failures.length, 1);
  await again.promise;
  await under.next();
  assert.equal(under.failure, undefined);
});

test('after the disposal no round begins, and who asks is told', async (t) => {
  let count = 0;
  const { rounds: under } = rounds(t, async () => {
    count += 1;
    return 0;
  });
  await under.next();
  await under[Symbol.asyncDispose]();
  const before = count;
  await assert.rejects(under.next(), /stopping/);
  under.request();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(count, before);
});
