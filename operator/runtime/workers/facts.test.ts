import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionFacts, StatusAnswer } from '../../../workers/process/contract.ts';
import { mergeAnswer } from './facts.ts';

const connection = (uid: string, revision = 'r1'): ConnectionFacts => ({
  uid,
  namespace: 'contoso',
  name: uid,
  revision,
  counts: { begun: 0, stored: 0, storedBytes: 0, deferred: 0, rejected: 0, cut: 0, deleted: 0 },
  refusals: [],
});

const answer = (epoch: string, complete: boolean, uids: string[], removed: string[] = []): StatusAnswer => ({
  version: 1,
  epoch,
  change: 7,
  complete,
  group: {
    gateway: { namespace: 'mailhold', name: 'default' },
    role: 'poller',
    software: 'Mailhold/0',
    startedAt: '2026-01-01T00:00:00.000Z',
    ready: true,
    archive: {},
    unknownRecipients: { count: 0 },
    failedHandshakes: [],
  },
  connections: uids.map((uid) => connection(uid)),
  removed,
});

const uids = (facts: ReturnType<typeof mergeAnswer>): string[] | undefined => facts && [...facts.connections.keys()];

test('a complete answer replaces what was known', () => {
  const before = mergeAnswer(undefined, answer('a', true, ['one', 'two']), 1);
  const after = mergeAnswer(before, answer('b', true, ['two']), 2);
  assert.deepEqual(uids(after), ['two']);
  assert.equal(after?.epoch, 'b');
  assert.equal(after?.answeredAt, 2);
});

test('an answer in part adds, changes and takes away', () => {
  const before = mergeAnswer(undefined, answer('a', true, ['one', 'two']), 1);
  const part = answer('a', false, ['three'], ['one']);
  part.connections.push(connection('two', 'r2'));
  const after = mergeAnswer(before, part, 2);
  assert.deepEqual(uids(after), ['two', 'three']);
  assert.equal(after?.connections.get('two')?.revision, 'r2');
  assert.deepEqual(uids(before), ['one', 'two'], 'what was known before is untouched');
});

test('an answer in part of another process is not mixed into what was known', () => {
  const before = mergeAnswer(undefined, answer('a', true, ['one']), 1);
  assert.equal(mergeAnswer(before, answer('b', false, ['two']), 2), undefined);
  assert.equal(mergeAnswer(undefined, answer('b', false, ['two']), 2), undefined);
});

test('a connection that was removed and is served again stays', () => {
  const before = mergeAnswer(undefined, answer('a', true, ['one']), 1);
  assert.deepEqual(uids(mergeAnswer(before, answer('a', false, ['one'], ['one']), 2)), ['one']);
});
