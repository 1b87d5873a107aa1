import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeClient, ListOptions } from '../../kube/client.ts';
import { objectsInMemory } from '../../kube/testing/objects-in-memory.ts';
import type { KubeObject, ResourceType } from '../../kube/types.ts';
import { types } from './resource-types.ts';
import { sceneClock, sceneLog } from './testing/worker-scene.ts';
import { byKey, watchAll } from './watched.ts';

const OURS = { 'app.kubernetes.io/managed-by': 'mailhold' };

function object(kind: string, key: string, labels: Record<string, string> = {}): KubeObject {
  const [name = '', namespace] = key.split('/').reverse();
  return {
    apiVersion: 'v1',
    kind,
    metadata: { name, labels, resourceVersion: '1', uid: key, ...(namespace !== undefined && { namespace }) },
  };
}

const OBJECTS: readonly [ResourceType, KubeObject][] = [
  [types.ArchiveConnection, object('ArchiveConnection', 'tenant/journal')],
  [types.MailGateway, object('MailGateway', 'edge/default')],
  [types.MailArchive, object('MailArchive', 'edge/mail')],
  [types.Node, object('Node', 'node-1')],
  [types.Pod, object('Pod', 'edge/worker', OURS)],
  [types.Pod, object('Pod', 'edge/stranger')],
  [types.Pod, object('Pod', 'tenant/worker', OURS)],
  [types.Service, object('Service', 'edge/receiver', OURS)],
  [types.Service, object('Service', 'edge/stranger')],
  [types.Service, object('Service', 'lab/receiver', OURS)],
  [types.PersistentVolumeClaim, object('PersistentVolumeClaim', 'edge/of-the-owner')],
];

/** Lists those objects, and then watches in silence: how watches go on is shown in operator/kube. */
function silentClient(asked: string[]): KubeClient {
  return {
    ...objectsInMemory().client,
    list: async <T extends KubeObject>(type: ResourceType, options: ListOptions) => {
      const { namespace, labelSelector } = options;
      asked.push([type.plural, namespace ?? '*', labelSelector ?? 'all'].join(' '));
      const items = OBJECTS.filter(([of]) => of === type).map(([, it]) => it);
      const found = items.filter(
        ({ metadata }) =>
          (namespace === undefined || metadata.namespace === namespace) &&
          (labelSelector === undefined || metadata.labels?.['app.kubernetes.io/managed-by'] === 'mailhold'),
      );
      return { items: found as T[], resourceVersion: '1' };
    },
    watch: async function* (_type, { signal }) {
      await new Promise((resolve) => signal?.addEventListener('abort', resolve, { once: true }));
      yield* [];
    },
  };
}

async function fixture(namespaces: string[]) {
  const asked: string[] = [];
  let changes = 0;
  const watched = watchAll({
    client: silentClient(asked),
    namespaces,
    clock: sceneClock(),
    random: () => 0,
    log: sceneLog(),
    onChange: () => {
      changes += 1;
    },
  });
  await watched.synced;
  return { watched, asked, changes: () => changes };
}

const keys = (objects: readonly KubeObject[]): string[] => [...byKey(objects).keys()].sort();

test('manifests are watched everywhere, and what became of them where gateways may live', async () => {
  const { watched, changes } = await fixture(['edge', 'lab']);
  await using _end = watched;
  assert.deepEqual(keys(watched.connections()), ['tenant/journal']);
  assert.deepEqual(keys([...watched.gateways(), ...watched.archives()]), ['edge/default', 'edge/mail']);
  assert.deepEqual(keys(watched.nodes()), ['node-1']);
  assert.deepEqual(keys(watched.pods()), ['edge/worker'], 'those with our label');
  assert.deepEqual(keys(watched.children(types.Service)), ['edge/receiver', 'lab/receiver']);
  assert.equal(changes(), 8, 'each object that is watched');
});

test('a child is found by its key, and never in a namespace that is not ours', async () => {
  const { watched } = await fixture(['edge']);
  await using _end = watched;
  assert.equal(watched.live(types.Service, 'edge/receiver')?.metadata.uid, 'edge/receiver');
  for (const key of ['edge/none', 'lab/receiver']) assert.equal(watched.live(types.Service, key), undefined, key);
});

test('claims are watched without a label and once, since their owners make them too', async () => {
  const { watched, asked } = await fixture(['edge']);
  await using _end = watched;
  assert.deepEqual(keys(watched.claims()), ['edge/of-the-owner']);
  assert.ok(watched.live(types.PersistentVolumeClaim, 'edge/of-the-owner'));
  assert.deepEqual(
    asked.filter((list) => list.startsWith('persistentvolumeclaims')),
    ['persistentvolumeclaims edge all'],
  );
});

test('Secrets are never listed, and nothing that belongs to a namespace is outside of ours, except manifests', async () => {
  const { watched, asked } = await fixture(['edge']);
  await using _end = watched;
  assert.ok(asked.every((list) => !list.startsWith('secrets')));
  assert.deepEqual(asked.filter((list) => list.includes(' * ')).sort(), [
    'archiveconnections * all',
    'customresourcedefinitions * all',
    'mailarchives * all',
    'mailgateways * all',
    'nodes * all',
    'servicecidrs * all',
  ]);
  assert.equal(watched.contacts().length, asked.length);
  assert.ok(watched.contacts().every(({ at }) => at !== undefined));
});
