import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionFacts, GroupFacts } from '../../../workers/process/contract.ts';
import { type GroupTelling, groupTelling, type TellingPod } from './group-telling.ts';
import { attempt, facts, type PodWishes, pod, SCENE_NOW, sceneClock, workerFacts } from './testing/worker-scene.ts';

const MINUTE = 60_000;
const clock = sceneClock();
const NOW = clock.monotonic();

interface Words {
  group?: Partial<GroupFacts>;
  connections?: ConnectionFacts[];
  answeredAt?: number;
}

function telling(name: string, wishes: PodWishes, words: Words | undefined, seenAt = NOW): TellingPod {
  const { group = {}, connections = [], answeredAt = NOW } = words ?? {};
  return {
    pod: pod(name, { address: name, ...wishes }),
    seenAt,
    facts: words && workerFacts({ software: name, ...group }, connections, answeredAt),
  };
}

function before(words: Words): GroupTelling | undefined {
  return groupTelling([telling('before', { ready: true }, words)], undefined, clock);
}

const FAULT = { code: 'ArchiveNotWritable', retry: 'later', message: 'The archive cannot be written.' } as const;

const cases: { name: string; pods: TellingPod[]; before?: GroupTelling | undefined; speaks: string | undefined }[] = [
  {
    name: 'all that are ready speak',
    pods: [telling('a', { ready: true }, {}), telling('b', { ready: true }, {}), telling('c', {}, {})],
    speaks: 'a b',
  },
  {
    name: 'a fault of one that is not ready is not heard while another is',
    pods: [telling('a', { ready: true }, {}), telling('b', {}, { group: { fault: FAULT } })],
    speaks: 'a',
  },
  {
    name: 'a fault of one that is not ready is heard where none is',
    pods: [telling('a', {}, {}), telling('b', {}, { group: { fault: FAULT } })],
    before: before({}),
    speaks: 'b',
  },
  {
    name: 'where nothing is ready, what was told before stands',
    pods: [telling('a', {}, {})],
    before: before({}),
    speaks: 'before',
  },
  {
    name: 'a pod that ends is not asked any more',
    pods: [telling('a', { ready: true, ending: true }, {})],
    before: before({}),
    speaks: 'before',
  },
  {
    name: 'where nothing was told before, those speak that are not ready yet',
    pods: [telling('a', {}, {})],
    speaks: 'a',
  },
  {
    name: 'what was told three minutes ago gives way to those that are not ready',
    pods: [telling('a', {}, {})],
    before: before({ answeredAt: NOW - 3 * MINUTE }),
    speaks: 'a',
  },
  { name: 'nobody has spoken', pods: [telling('a', { ready: true }, undefined)], speaks: undefined },
  { name: 'without pods what was told before stands', pods: [], before: before({}), speaks: 'before' },
];

for (const { name, pods, before: known, speaks } of cases) {
  test(`who speaks for a group: ${name}`, () => {
    assert.equal(groupTelling(pods, known, clock)?.group.software, speaks);
  });
}

test('a group is as silent as the most silent of its ready pods, also of one that has never answered', () => {
  const answered = telling('a', { ready: true }, {});
  const quiet = telling('b', { ready: true }, { answeredAt: NOW - 7_000 });
  const mute = telling('c', { ready: true }, undefined, NOW - 9_000);
  assert.equal(groupTelling([answered, quiet], undefined, clock)?.answeredAt, NOW - 7_000);
  assert.equal(groupTelling([answered, quiet, mute], undefined, clock)?.answeredAt, NOW - 9_000);
});

const OLD = attempt(SCENE_NOW - 20 * 60 * MINUTE, true);
const KNOWN = before({
  connections: [
    facts('u', { attempt: OLD, failingSince: '2026-11-24T18:00:00Z', lastStoredAt: '2026-11-24T17:00:00Z' }),
  ],
});

const carried: { name: string; now: Partial<ConnectionFacts>; startedMinutesAgo?: number; stands: boolean }[] = [
  { name: 'a new process that has tested nothing yet', now: {}, stands: true },
  { name: 'one with another revision', now: { revision: 'r2' }, stands: false },
  { name: 'one that runs for a quarter of an hour', now: {}, startedMinutesAgo: 15, stands: false },
];

for (const { name, now, startedMinutesAgo = 1, stands } of carried) {
  test(`the attempt of the worker before ${stands ? 'stands' : 'does not stand'} for ${name}`, () => {
    const group = { startedAt: new Date(SCENE_NOW - startedMinutesAgo * MINUTE).toISOString() };
    const pods = [telling('a', { ready: true }, { group, connections: [facts('u', now)] })];
    const told = groupTelling(pods, KNOWN, clock)?.connections.get('u');
    assert.equal(told?.attempt, stands ? OLD : undefined);
    assert.equal(told?.failingSince, stands ? '2026-11-24T18:00:00Z' : undefined);
    assert.equal(told?.lastStoredAt, undefined, 'counts and what belongs to them are of this process');
  });
}

test('its own attempt counts as soon as there is one', () => {
  const own = attempt(SCENE_NOW - 1_000);
  const pods = [telling('a', { ready: true }, { connections: [facts('u', { attempt: own })] })];
  const told = groupTelling(pods, KNOWN, clock)?.connections.get('u');
  assert.equal(told?.attempt, own);
  assert.equal(told?.failingSince, undefined);
});
