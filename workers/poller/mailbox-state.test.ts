import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listedSince, newMailboxState, noteListing } from './mailbox-state.ts';

test('the oldest waiting message keeps the time of the poll that listed it first', () => {
  const state = newMailboxState();
  noteListing(state, [3, 4], '10:00');
  assert.equal(listedSince(state, 3), '10:00');
  noteListing(state, [3, 4, 7], '10:01');
  assert.equal(listedSince(state, 3), '10:00');
  assert.equal(listedSince(state, 7), '10:01');
  noteListing(state, [7], '10:02');
  assert.equal(listedSince(state, 7), '10:01');
  noteListing(state, [7, 9], '10:03');
  assert.equal(listedSince(state, 9), '10:03');
  noteListing(state, [], '10:04');
  noteListing(state, [9], '10:05');
  assert.equal(listedSince(state, 9), '10:05');
});
