import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Attempt, ConnectionFacts, Fault, GroupFacts } from '../../workers/process/contract.ts';
import { mergeConnectionFacts, mergeGroupFacts } from './merge-facts.ts';

const minute = (at: number) => new Date(Date.UTC(2026, 10, 25, 14, at)).toISOString();
const fault: Fault = { code: 'TLSFailed', retry: 'later', message: 'No.' };
const tried = (at: number, failure?: Fault): Attempt => ({
  kind: 'test',
  trigger: 'schedule',
  revision: 'r1',
  startedAt: minute(at),
  endedAt: minute(at),
  stages: [],
  ...(failure && { fault: failure }),
});
const NO_COUNTS = { begun: 0, stored: 0, storedBytes: 0, deferred: 0, rejected: 0, cut: 0, deleted: 0 };
const connection = (differs: Partial<ConnectionFacts> = {}): ConnectionFacts => ({
  namespace: 'contoso',
  name: 'journal',
  uid: 'u1',
  revision: 'r1',
  counts: NO_COUNTS,
  refusals: [],
  ...differs,
});
const group = (differs: Partial<GroupFacts> = {}): GroupFacts => ({
  gateway: { namespace: 'mailhold', name: 'default' },
  role: 'receiver',
  software: 'mailhold/0.1.0',
  startedAt: minute(0),
  revision: 'g1',
  ready: true,
  archive: { id: 'a1' },
  unknownRecipients: { count: 0 },
  failedHandshakes: [],
  ...differs,
});

const connectionCases: [string, (ConnectionFacts | undefined)[], Partial<ConnectionFacts>][] = [
  ['all serve the same', [connection(), connection()], { revision: 'r1' }],
  ['one serves an older entry', [connection(), connection({ revision: 'r0' })], { revision: 'r0+r1' }],
  ['one does not serve it yet', [undefined, connection()], { revision: 'none+r1' }],
  [
    'both tests passed: the newer one is told',
    [connection({ attempt: tried(5) }), connection({ attempt: tried(9) })],
    { attempt: tried(9) },
  ],
  [
    'one fails: that is told, also where it is older',
    [connection({ attempt: tried(9) }), connection({ attempt: tried(5, fault), failingSince: minute(3) })],
    { attempt: tried(5, fault), failingSince: minute(3) },
  ],
  [
    'all fail: since the first of them does',
    [
      connection({ attempt: tried(5, fault), failingSince: minute(4) }),
      connection({ attempt: tried(6, fault), failingSince: minute(2) }),
    ],
    { attempt: tried(6, fault), failingSince: minute(2) },
  ],
  [
    'counts and refusals are sums, with the last peer of all',
    [
      connection({
        lastStoredAt: minute(1),
        counts: { ...NO_COUNTS, stored: 2, begun: 3 },
        refusals: [{ reply: '450', count: 1, lastAt: minute(1), lastPeer: '192.0.2.1' }],
      }),
      connection({
        lastStoredAt: minute(2),
        counts: { ...NO_COUNTS, stored: 5, begun: 5 },
        refusals: [
          { reply: '550', count: 4, lastAt: minute(3), lastPeer: '192.0.2.3' },
          { reply: '450', count: 2, lastAt: minute(2), lastPeer: '192.0.2.2' },
        ],
      }),
    ],
    {
      lastStoredAt: minute(2),
      counts: { ...NO_COUNTS, stored: 7, begun: 8 },
      refusals: [
        { reply: '450', count: 3, lastAt: minute(2), lastPeer: '192.0.2.2' },
        { reply: '550', count: 4, lastAt: minute(3), lastPeer: '192.0.2.3' },
      ],
    },
  ],
];

for (const [state, told, expected] of connectionCases) {
  test(`facts of a connection from two pods: ${state}`, () => {
    const merged = mergeConnectionFacts(told);
    for (const [name, value] of Object.entries(expected)) {
      assert.deepEqual(merged?.[name as keyof ConnectionFacts], value, name);
    }
  });
}

const groupCases: [string, GroupFacts[], Partial<GroupFacts>][] = [
  ['all are ready with the same', [group(), group()], { ready: true, revision: 'g1' }],
  ['one is not ready', [group(), group({ ready: false })], { ready: false }],
  ['one serves an older configuration', [group(), group({ revision: 'g0' })], { revision: 'g0+g1' }],
  ['one has a fault', [group(), group({ fault, faultSince: minute(7) })], { fault, faultSince: minute(7) }],
  [
    'the least free space and the newest commit count',
    [
      group({ archive: { id: 'a1', freeBytes: 9, lastCommitAt: minute(1) } }),
      group({ archive: { id: 'a1', freeBytes: 5, lastCommitAt: minute(2) } }),
    ],
    { archive: { id: 'a1', freeBytes: 5, lastCommitAt: minute(2) } },
  ],
  [
    'what peers did is added up',
    [
      group({
        unknownRecipients: { count: 2, lastAt: minute(2), lastPeer: '192.0.2.2' },
        hiddenPeers: { count: 1, lastAt: minute(1), lastPeer: '10.0.0.1' },
        failedHandshakes: [{ peer: '192.0.2.9', count: 1, lastAt: minute(1), text: 'one' }],
      }),
      group({
        unknownRecipients: { count: 3, lastAt: minute(1), lastPeer: '192.0.2.1' },
        hiddenPeers: { count: 4, lastAt: minute(4), lastPeer: '10.0.0.4' },
        failedHandshakes: [
          { peer: '192.0.2.8', count: 5, lastAt: minute(5), text: 'five' },
          { peer: '192.0.2.9', count: 2, lastAt: minute(2), text: 'two' },
        ],
      }),
    ],
    {
      unknownRecipients: { count: 5, lastAt: minute(2), lastPeer: '192.0.2.2' },
      hiddenPeers: { count: 5, lastAt: minute(4), lastPeer: '10.0.0.4' },
      failedHandshakes: [
        { peer: '192.0.2.8', count: 5, lastAt: minute(5), text: 'five' },
        { peer: '192.0.2.9', count: 3, lastAt: minute(2), text: 'two' },
      ],
    },
  ],
];

for (const [state, told, expected] of groupCases) {
  test(`facts of a group from two pods: ${state}`, () => {
    const merged = mergeGroupFacts(told);
    for (const [name, value] of Object.entries(expected)) {
      assert.deepEqual(merged?.[name as keyof GroupFacts], value, name);
    }
  });
}

const time = fc.integer({ min: 0, max: 5 }).map(minute);
const count = fc.integer({ min: 0, max: 9 });
const peer = fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3');
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const known = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, it]) => it !== undefined)) as T;

const anyConnection: fc.Arbitrary<ConnectionFacts> = fc
  .record({
    revision: fc.constantFrom('r1', 'r2'),
    attempt: maybe(fc.tuple(count, maybe(fc.constant(fault))).map(([at, failure]) => tried(at, failure))),
    failingSince: maybe(time),
    lastStoredAt: maybe(time),
    counts: count.map((stored) => ({ ...NO_COUNTS, stored })),
    refusals: fc.uniqueArray(fc.record({ reply: fc.constantFrom('450', '550'), count, lastAt: time, lastPeer: peer }), {
      selector: ({ reply }) => reply,
    }),
  })
  .map((differs) => known({ ...connection(), ...differs }) as ConnectionFacts);

const anyGroup: fc.Arbitrary<GroupFacts> = fc
  .record({
    software: fc.constantFrom('mailhold/1', 'mailhold/2'),
    startedAt: time,
    revision: maybe(fc.constantFrom('g1', 'g2')),
    ready: fc.boolean(),
    fault: maybe(fc.constant(fault)),
    faultSince: maybe(time),
    archive: fc
      .record({ id: maybe(fc.constantFrom('a1', 'a2')), freeBytes: maybe(count), lastCommitAt: maybe(time) })
      .map(known),
    unknownRecipients: fc.record({ count, lastAt: maybe(time), lastPeer: maybe(peer) }).map(known),
    failedHandshakes: fc.uniqueArray(fc.record({ peer, count, lastAt: time, text: fc.constantFrom('a', 'b') }), {
      selector: (it) => it.peer,
    }),
    hiddenPeers: maybe(fc.record({ count, lastAt: time, lastPeer: peer })),
  })
  .map((differs) => known({ ...group(), ...differs }) as GroupFacts);

test('what one pod tells is told as it is', () => {
  fc.assert(fc.property(anyConnection, (one) => assert.deepEqual(mergeConnectionFacts([one]), one)));
  fc.assert(fc.property(anyGroup, (one) => assert.deepEqual(mergeGroupFacts([one]), one)));
  assert.equal(mergeConnectionFacts([]), undefined);
  assert.equal(mergeConnectionFacts([undefined]), undefined);
  assert.equal(mergeGroupFacts([]), undefined);
});

test('the order of the pods does not matter', () => {
  const shuffled = <T>(one: fc.Arbitrary<T>) =>
    fc
      .array(one, { minLength: 1, maxLength: 4 })
      .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })));
  fc.assert(
    fc.property(shuffled(maybe(anyConnection)), ([list, other]) =>
      assert.deepEqual(mergeConnectionFacts(list), mergeConnectionFacts(other)),
    ),
  );
  fc.assert(
    fc.property(shuffled(anyGroup), ([list, other]) => assert.deepEqual(mergeGroupFacts(list), mergeGroupFacts(other))),
  );
});

test('a revision that not all serve is that of no configuration', () => {
  fc.assert(
    fc.property(fc.array(anyConnection, { minLength: 2, maxLength: 4 }), (list) => {
      const revisions = new Set(list.map(({ revision }) => revision));
      const merged = mergeConnectionFacts(list)?.revision ?? '';
      assert.equal(revisions.has(merged), revisions.size === 1);
    }),
  );
});
