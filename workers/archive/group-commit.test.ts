import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CommitEntry, createGroupCommit } from './group-commit.ts';

function entry(number: number, bytes = 10, settled: (outcome: string) => void = () => undefined): CommitEntry {
  return {
    number,
    parts: [],
    bytes,
    messageBytes: bytes,
    resolve: () => settled(`${number} kept`),
    reject: (error) => settled(`${number} ${String(error)}`),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('while a group is under way the next one gathers', async () => {
  const batches: number[][] = [];
  let finish = (): void => undefined;
  const group = createGroupCommit((batch) => {
    batches.push(batch.map((e) => e.number));
    return new Promise((resolve) => {
      finish = resolve;
    });
  });
  group.add(entry(1));
  await turn();
  group.add(entry(2));
  group.add(entry(3));
  await turn();
  assert.deepEqual(batches, [[1]]);
  finish();
  await turn();
  assert.deepEqual(batches, [[1], [2, 3]]);
  finish();
  await group.idle();
});

test('a group is bounded in bytes and in records, and a record over the bound goes alone', async () => {
  const batches: number[] = [];
  const group = createGroupCommit(async (batch) => {
    batches.push(batch.length);
  });
  const mega = 1024 * 1024;
  for (const bytes of [mega, mega, 1, 5 * mega, 1]) group.add(entry(1, bytes));
  for (let i = 0; i < 700; i += 1) group.add(entry(1));
  await group.idle();
  assert.deepEqual(batches, [2, 1, 1, 300, 300, 101]);
});

test('a failed group rejects each of its own and no other', async () => {
  const outcomes: string[] = [];
  let failing = true;
  const group = createGroupCommit(async () => {
    if (failing) throw new Error('disk');
  });
  group.add(entry(1, 10, (outcome) => outcomes.push(outcome)));
  group.add(entry(2, 10, (outcome) => outcomes.push(outcome)));
  await group.idle();
  failing = false;
  group.add(entry(3, 10, (outcome) => outcomes.push(outcome)));
  await group.idle();
  assert.deepEqual(outcomes, ['1 Error: disk', '2 Error: disk', '3 kept']);
});
