import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Attempt, GroupFacts, ReceiverConnection } from './contract.ts';
import { createFactsBoard } from './facts-board.ts';
import { groupFacts } from './testing/group-facts.ts';

const entry = (uid: string, revision = 'r1'): ReceiverConnection => ({
  method: 'SMTP',
  uid,
  namespace: 'contoso',
  name: uid,
  generation: 1,
  revision,
  state: 'Enabled',
  localParts: [],
  senderRanges: [],
  outsideRanges: 'Defer',
  whenDisabled: 'Defer',
  minimumTLS: 'TLSv1.2',
});

function newBoard() {
  let now = Date.UTC(2026, 0, 1);
  const group: GroupFacts = groupFacts();
  const clock = { now: () => now, monotonic: () => now };
  const board = createFactsBoard('epoch-1', group, clock);
  return { board, tick: (ms: number) => (now += ms) };
}

const attempt = (at: string, failed: boolean): Attempt => ({
  kind: 'test',
  trigger: 'change',
  revision: 'r1',
  startedAt: at,
  endedAt: at,
  stages: [],
  ...(failed && { fault: { code: 'ConnectionRefused', retry: 'later', message: 'refused' } }),
});

/** Resolves to whether the promise is settled once all that is ready has run. */
async function settled(promise: Promise<void>): Promise<boolean> {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  await new Promise(setImmediate);
  return done;
}

const never = new AbortController().signal;

test('another epoch gets everything, the same epoch only what changed', () => {
  const { board } = newBoard();
  board.serve(entry('a'));
  board.serve(entry('b'));
  const first = board.answer(undefined, 0);
  assert.equal(first.complete, true);
  assert.deepEqual(
    first.connections.map((c) => c.uid),
    ['a', 'b'],
  );
  board.get('b')?.attempted(attempt('2026-01-01T00:00:00Z', false));
  const second = board.answer(first.epoch, first.change);
  assert.equal(second.complete, false);
  assert.deepEqual(
    second.connections.map((c) => c.uid),
    ['b'],
  );
  assert.deepEqual(board.answer(second.epoch, second.change).connections, []);
});

test('a change that can alter a verdict wakes who waits; a counter rides along', async (t) => {
  const { board } = newBoard();
  const connection = board.serve(entry('a'));
  connection.stored(10);
  const { epoch, change } = board.answer(undefined, 0);
  const aborted = new AbortController();
  t.after(() => aborted.abort());

  const waiting = board.changed(epoch, change, 30_000, aborted.signal);
  connection.stored(10);
  connection.refused('450 4.7.1', '192.0.2.1');
  assert.equal(await settled(waiting), false, 'counters do not wake');
  assert.equal(board.answer(epoch, change).connections[0]?.counts.stored, 2, 'but are in the next answer');

  connection.attempted(attempt('2026-01-01T00:00:00Z', true));
  assert.equal(await settled(waiting), true);
});

test('the first stored message wakes, since it ends the wait for the first message', async () => {
  const { board } = newBoard();
  const connection = board.serve(entry('a'));
  const { epoch, change } = board.answer(undefined, 0);
  const waiting = board.changed(epoch, change, 30_000, never);
  connection.stored(10);
  assert.equal(await settled(waiting), true);
});

test('a run of failures keeps the time at which it began, until one passes', () => {
  const { board } = newBoard();
  const connection = board.serve(entry('a'));
  connection.attempted(attempt('2026-01-01T00:01:00Z', true));
  connection.attempted(attempt('2026-01-01T00:02:00Z', true));
  assert.equal(connection.facts.failingSince, '2026-01-01T00:01:00Z');
  connection.attempted(attempt('2026-01-01T00:03:00Z', false));
  assert.equal(connection.facts.failingSince, undefined);
});

test('a new revision forgets the attempt and keeps the counts', () => {
  const { board } = newBoard();
  const connection = board.serve(entry('a'));
  connection.stored(10);
  connection.attempted(attempt('2026-01-01T00:01:00Z', true));
  const again = board.serve(entry('a', 'r2'));
  assert.equal(again.facts.attempt, undefined);
  assert.equal(again.facts.failingSince, undefined);
  assert.equal(again.facts.counts.stored, 1);
  assert.equal(again.facts.revision, 'r2');
});

test('an attempt that ran with an older revision is not shown', () => {
  const { board } = newBoard();
  const connection = board.serve(entry('a', 'r2'));
  connection.attempted(attempt('2026-01-01T00:01:00Z', true));
  assert.equal(connection.facts.attempt, undefined);
});

test('a removed connection stays listed as removed until it is served again', () => {
  const { board } = newBoard();
  board.serve(entry('a'));
  board.remove('a');
  assert.deepEqual(board.answer(undefined, 0).removed, ['a']);
  board.serve(entry('a'));
  assert.deepEqual(board.answer(undefined, 0).removed, []);
});

test("a group's fault keeps the time at which it began while its words change", () => {
  const { board, tick } = newBoard();
  board.setFault({ code: 'ArchiveFull', retry: 'later', message: '1 GiB is free' });
  const since = board.group.faultSince;
  tick(60_000);
  board.setFault({ code: 'ArchiveFull', retry: 'later', message: '0 GiB is free' });
  assert.equal(board.group.faultSince, since);
  board.setFault(undefined);
  assert.equal(board.group.faultSince, undefined);
});
