import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from '../../kube/api-error.ts';
import { objectsInMemory } from '../../kube/testing/objects-in-memory.ts';
import { CONFIGURATION_ANNOTATION, createDelivery } from './delivery.ts';
import {
  facts,
  GATEWAY,
  type PodWishes,
  pod,
  sceneClock,
  sceneLog,
  speakingWorker,
  wantedEntry,
  wantedGroup,
  workerFacts,
} from './testing/worker-scene.ts';
import type { WorkerPod } from './worker-pods.ts';

const WANTED = { group: wantedGroup('g2'), entries: [wantedEntry('u'), wantedEntry('v')] };
const SERVED = workerFacts({ revision: 'g2' }, [facts('u'), facts('v')], 0);
const OLDER = workerFacts({ revision: 'g1' }, [facts('u'), facts('v')], 0);
const LOST = { at: 0, code: 'WorkerNotTrusted', message: 'They do not trust each other.' } as const;

function fixture() {
  const clock = sceneClock();
  const memory = objectsInMemory();
  const log = sceneLog();
  const delivery = createDelivery({ client: memory.client, clock, random: () => 0, log });
  const worker = (name: string, wishes: PodWishes = {}) => {
    const one = pod(name, { address: name, ...wishes });
    memory.objects.set(`pods/mail/${name}`, one);
    const client = speakingWorker();
    const member: WorkerPod = { pod: one, gateway: GATEWAY, role: 'receiver', shard: 0, client };
    return { member, client };
  };
  const annotation = (name: string): string =>
    memory.objects.get(`pods/mail/${name}`)?.metadata.annotations?.[CONFIGURATION_ANNOTATION] ?? '';
  return { clock, memory, log, delivery, worker, annotation };
}

test('a pod that serves something older is changed at once, and again later and later until it serves this', async () => {
  const { delivery, worker, annotation, clock, memory } = fixture();
  const { member, client } = worker('a');
  client.facts = OLDER;
  const waits: (number | undefined)[] = [];
  for (let round = 0; round < 4; round += 1) {
    const { again } = await delivery.deliver([member], WANTED);
    waits.push(again);
    assert.match(annotation('a'), new RegExp(`-${round + 1}$`));
    assert.equal(memory.takeCalls().length, 1);
    await delivery.deliver([member], WANTED);
    assert.deepEqual(memory.takeCalls(), [], 'not before its time');
    clock.pass(again ?? 0);
  }
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000]);
  client.facts = SERVED;
  assert.deepEqual(await delivery.deliver([member], WANTED), { doubtful: false });
  assert.deepEqual(memory.takeCalls(), []);
});

test('another configuration begins anew', async () => {
  const { delivery, worker, annotation } = fixture();
  const { member, client } = worker('a');
  client.facts = OLDER;
  await delivery.deliver([member], WANTED);
  const first = annotation('a');
  const { again } = await delivery.deliver([member], { ...WANTED, group: wantedGroup('g3') });
  assert.equal(again, 500);
  assert.match(annotation('a'), /-1$/);
  assert.notEqual(annotation('a'), first);
});

test('the Secrets are doubted where three nudges did not help', async () => {
  const { delivery, worker, clock } = fixture();
  const { member, client } = worker('a');
  client.facts = OLDER;
  const doubts: boolean[] = [];
  for (let round = 0; round < 5; round += 1) {
    const { again, doubtful } = await delivery.deliver([member], WANTED);
    doubts.push(doubtful);
    clock.pass(again ?? 0);
  }
  assert.deepEqual(doubts, [false, false, false, true, true]);
});

const left: {
  name: string;
  arrange: (it: ReturnType<ReturnType<typeof fixture>['worker']>) => void;
  wishes?: PodWishes;
}[] = [
  { name: 'ends', arrange: ({ client }) => (client.facts = OLDER), wishes: { ending: true } },
  { name: 'has no address yet', arrange: ({ member }) => delete member.client },
  { name: 'has just started, and mounts what there is', arrange: () => undefined },
  { name: 'serves this', arrange: ({ client }) => (client.facts = SERVED) },
];
for (const { name, arrange, wishes } of left) {
  test(`a pod that ${name} is left alone`, async () => {
    const { delivery, worker, memory } = fixture();
    const it = worker('a', wishes);
    arrange(it);
    assert.deepEqual(await delivery.deliver([it.member], WANTED), { doubtful: false });
    assert.deepEqual(memory.takeCalls(), []);
  });
}

const behind: [string, Parameters<typeof workerFacts>][] = [
  ['the group', [{ revision: 'g1' }, [facts('u'), facts('v')], 0]],
  ['an entry', [{ revision: 'g2' }, [facts('u'), facts('v', { revision: 'r0' })], 0]],
  ['a new entry', [{ revision: 'g2' }, [facts('u')], 0]],
  ['an entry that was taken away', [{ revision: 'g2' }, [facts('u'), facts('v'), facts('w')], 0]],
];
for (const [what, told] of behind) {
  test(`a worker that lags behind in ${what} is nudged`, async () => {
    const { delivery, worker, memory } = fixture();
    const { member, client } = worker('a');
    client.facts = workerFacts(...told);
    await delivery.deliver([member], WANTED);
    assert.deepEqual(memory.takeCalls(), ['patch pods/mail/a']);
  });
}

test('a worker with keys of an authority that is gone is nudged until it has the new ones', async () => {
  const { delivery, worker, memory, clock } = fixture();
  const { member, client } = worker('a');
  client.facts = SERVED;
  client.lastError = LOST;
  const { again } = await delivery.deliver([member], WANTED);
  clock.pass(again ?? 0);
  await delivery.deliver([member], WANTED);
  assert.deepEqual(memory.takeCalls(), ['patch pods/mail/a', 'patch pods/mail/a']);
  client.lastError = undefined;
  assert.deepEqual(await delivery.deliver([member], WANTED), { doubtful: false });
});

test('a pod that went meanwhile keeps no other from being nudged; what is refused is told', async () => {
  const { delivery, worker, memory } = fixture();
  const [gone, here] = [worker('a'), worker('b')];
  gone.client.facts = here.client.facts = OLDER;
  memory.objects.delete('pods/mail/a');
  await delivery.deliver([gone.member, here.member], WANTED);
  assert.deepEqual(memory.takeCalls(), ['patch pods/mail/a', 'patch pods/mail/b']);
  memory.meddle = () => {
    throw new ApiError('Forbidden', 'pods is forbidden');
  };
  await assert.rejects(delivery.deliver([here.member], { ...WANTED, entries: [] }), { code: 'Forbidden' });
});
