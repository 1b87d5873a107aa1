import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from './api-error.ts';
import { createAppliedObjects } from './applied-objects.ts';
import { objectsInMemory } from './testing/objects-in-memory.ts';
import type { KubeObject, ResourceType } from './types.ts';

const TYPE: ResourceType = { group: 'apps', version: 'v1', plural: 'things', kind: 'Thing', scope: 'Namespaced' };
const REF = { namespace: 'test', name: 'one' };
const KEY = 'things/test/one';

interface Thing extends KubeObject {
  spec: { replicas?: number; args?: string[]; containers?: { name: string; image: string; limit?: string }[] };
}

const SPEC: Thing['spec'] = { replicas: 1, args: ['--a', '--b'], containers: [{ name: 'main', image: 'one' }] };

function thing(spec: Thing['spec'] = SPEC): Thing {
  return { apiVersion: 'apps/v1', kind: 'Thing', metadata: { ...REF, labels: { of: 'test' } }, spec };
}

function fixture() {
  const memory = objectsInMemory();
  let applied = createAppliedObjects(memory.client, 'tester');
  const live = (): KubeObject | undefined => structuredClone(memory.objects.get(KEY));
  const bring = async (object: Thing = thing(), shown: KubeObject | 'unwatched' | undefined = live()) => {
    await applied.bring({ type: TYPE, object }, shown);
    return memory.takeCalls().map((call) => call.split(' ')[0]);
  };
  return {
    memory,
    live,
    bring,
    applied: () => applied,
    restart: () => {
      applied = createAppliedObjects(memory.client, 'tester');
    },
    edit: (change: (spec: Thing['spec'], object: KubeObject) => unknown) =>
      memory.edit(KEY, (object) => change(object.spec as Thing['spec'], object)),
  };
}

test('an object is applied where it is missing, and where it should be otherwise', async () => {
  const { bring, applied, live } = fixture();
  assert.deepEqual(await bring(), ['apply']);
  assert.deepEqual(await bring(), []);
  assert.deepEqual(await bring(thing({ ...SPEC, replicas: 2 })), ['apply']);
  assert.equal(await applied().bring({ type: TYPE, object: thing() }, live()), true);
  assert.equal(await applied().bring({ type: TYPE, object: thing() }, live()), false);
});

const drifts: [string, (spec: Thing['spec'], object: KubeObject) => unknown, boolean][] = [
  ['a field of ours', (spec) => Object.assign(spec, { replicas: 5 }), true],
  ['a field of an item of ours', (spec) => Object.assign(spec, { containers: [{ name: 'main', image: 'two' }] }), true],
  [
    'an item of ours that is gone',
    (spec) => Object.assign(spec, { containers: [{ name: 'other', image: 'one' }] }),
    true,
  ],
  ['an argument that was added', (spec) => spec.args?.push('--c'), true],
  ['an argument that was taken away', (spec) => spec.args?.pop(), true],
  ['a label of ours', (_, { metadata }) => Object.assign(metadata, { labels: { of: 'others' } }), true],
  ['a field of others', (spec) => Object.assign(spec, { paused: true }), false],
  [
    'a field of others in an item of ours',
    ({ containers }) => Object.assign(containers?.[0] ?? {}, { tty: true }),
    false,
  ],
  ['a container of others', (spec) => spec.containers?.unshift({ name: 'sidecar', image: 'x' }), false],
  [
    'a label of others',
    (_, { metadata }) => Object.assign(metadata, { labels: { ...metadata.labels, more: 'x' } }),
    false,
  ],
];
for (const [what, change, isDrift] of drifts) {
  test(`${what} that somebody changed is ${isDrift ? 'applied again' : 'left alone'}`, async () => {
    const { bring, edit } = fixture();
    await bring();
    edit(change);
    assert.deepEqual(await bring(), isDrift ? ['apply'] : []);
    assert.deepEqual(await bring(), [], 'once');
  });
}

test('an object that somebody deleted is made again', async () => {
  const { bring, memory } = fixture();
  await bring();
  memory.objects.delete(KEY);
  assert.deepEqual(await bring(), ['apply']);
});

test('a restart writes nothing, whether the object is watched or not', async () => {
  for (const watched of [true, false]) {
    const { bring, restart, live } = fixture();
    await bring();
    restart();
    assert.deepEqual(await bring(thing(), watched ? live() : 'unwatched'), watched ? [] : ['get']);
  }
});

test('after a restart a field that is no longer wanted is taken away, though all others are right', async () => {
  const { bring, restart } = fixture();
  await bring();
  restart();
  const { replicas: _, ...fewer } = SPEC;
  assert.deepEqual(await bring(thing(fewer)), ['apply']);
});

test('the spelling of the server is the measure', async () => {
  const { bring, memory, edit } = fixture();
  const { client } = memory;
  const spelled = {
    ...client,
    apply: async <T extends KubeObject>(...call: Parameters<typeof client.apply<T>>) => {
      await client.apply(...call);
      edit(({ containers: [main = {}] = [] }) => Object.assign(main, { limit: '1' }));
      return structuredClone(memory.objects.get(KEY)) as T;
    },
  };
  const applied = createAppliedObjects(spelled, 'tester');
  const wanted = { type: TYPE, object: thing({ containers: [{ name: 'main', image: 'one', limit: '1000m' }] }) };
  await applied.bring(wanted, undefined);
  assert.equal(await applied.bring(wanted, memory.live(TYPE, 'test/one')), false);
  edit(({ containers: [main = {}] = [] }) => Object.assign(main, { limit: '2' }));
  assert.equal(await applied.bring(wanted, memory.live(TYPE, 'test/one')), true);
  assert.deepEqual(await bring(thing(), undefined), ['apply', 'apply', 'apply']);
});

test('a watch that still shows the version from before is no drift', async () => {
  const { bring, live } = fixture();
  await bring();
  const before = live();
  assert.deepEqual(await bring(thing({ ...SPEC, replicas: 2 }), before), ['apply']);
  assert.deepEqual(await bring(thing({ ...SPEC, replicas: 2 }), before), []);
});

test('what is not watched is read once, and again where it is doubted', async () => {
  const { bring, applied, memory } = fixture();
  assert.deepEqual(await bring(thing(), 'unwatched'), ['get', 'apply']);
  assert.deepEqual(await bring(thing(), 'unwatched'), []);
  memory.objects.delete(KEY);
  assert.deepEqual(await bring(thing(), 'unwatched'), []);
  applied().doubt(TYPE, REF);
  assert.deepEqual(await bring(thing(), 'unwatched'), ['get', 'apply']);
});

test('what is not watched is deleted where it is there, and not asked for again', async () => {
  const { bring, applied, restart, memory } = fixture();
  await bring(thing(), 'unwatched');
  await applied().remove(TYPE, REF);
  await applied().remove(TYPE, REF);
  assert.deepEqual(memory.takeCalls(), [`delete ${KEY}`]);
  assert.deepEqual(await bring(thing(), 'unwatched'), ['apply']);
  restart();
  await applied().remove(TYPE, REF);
  restart();
  await applied().remove(TYPE, REF);
  assert.deepEqual(memory.takeCalls(), [`get ${KEY}`, `delete ${KEY}`, `get ${KEY}`]);
});

/** A server that takes no second container beside ours, as it takes no second port of one name. */
function refuseWhileOthers({ memory }: ReturnType<typeof fixture>): void {
  memory.meddle = (call) => {
    const { spec } = memory.objects.get(KEY) as Thing;
    if (call.startsWith('apply') && (spec.containers?.length ?? 0) > 1) throw new ApiError('Invalid', 'a duplicate');
    if (call.startsWith('patch')) spec.containers = [];
  };
}

test('where the server refuses for what others added to a list, the lists are made ours first', async () => {
  const it = fixture();
  await it.bring();
  it.edit((spec) => {
    spec.containers?.unshift({ name: 'double', image: 'x' });
    spec.replicas = 3;
  });
  refuseWhileOthers(it);
  assert.deepEqual(await it.bring(), ['apply', 'patch', 'apply']);
  assert.deepEqual((it.live() as Thing).spec, SPEC);
});

test('an object that is refused for itself is told, and kept from no later try', async () => {
  const { bring, memory } = fixture();
  memory.meddle = () => {
    throw new ApiError('Invalid', 'spec.replicas is wrong');
  };
  await assert.rejects(bring(), { code: 'Invalid' });
  memory.takeCalls();
  memory.meddle = () => undefined;
  assert.deepEqual(await bring(), ['apply']);
});
