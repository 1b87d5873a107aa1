/** What others change or delete comes back, what they add stays, and where nothing changed nothing is written. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { requirements } from './cluster.ts';
import { archive, gateway, journal, type Manifest } from './operator-manifests.ts';
import { type OperatorScene, operatorScene } from './operator-scene.ts';

const skip = (await requirements({ node: false })) ?? false;
const BACK = '--timeout=2s';
const IDLE_MS = 10_000;

let scene: OperatorScene;
let manifests: Manifest[];
const kubectl = (...args: string[]): Promise<string> => scene.kubectl(...args, '-n', scene.edge);

before(async () => {
  if (skip) return;
  scene = await operatorScene('drift');
  const { edge, tenant } = scene;
  manifests = [
    archive({ namespace: edge, name: 'mail' }, { size: '10Gi', accessMode: 'ReadWriteMany' }),
    gateway(
      { namespace: edge, name: 'default' },
      { receiver: { replicas: 2 }, role: 'Default', allowedNamespaces: { from: 'Selected', names: [tenant] } },
    ),
    journal({ namespace: tenant, name: 'journal' }),
  ];
  await scene.apply(...manifests);
  for (const object of ['pdb/default-receiver', 'deploy/default-poller-0', 'deploy/default-receiver']) {
    await kubectl('wait', '--for=create', object, '--timeout=10s');
  }
});

after(async () => {
  if (skip) return;
  await using _ = scene;
  await scene.check();
});

const CHANGED: [what: string, object: string, change: string[], field: string][] = [
  ['a Deployment that was scaled', 'deploy/default-receiver', ['scale', '--replicas=5'], '{.spec.replicas}=2'],
  ['a Deployment that was scaled down', 'deploy/default-poller-0', ['scale', '--replicas=0'], '{.spec.replicas}=1'],
  [
    'the port of a Service',
    'service/default-receiver',
    ['patch', '--type=json', '-p', '[{"op":"replace","path":"/spec/ports/0/port","value":2525}]'],
    '{.spec.ports[*].port}=25',
  ],
  [
    'the image of a Deployment',
    'deploy/default-receiver',
    ['set', 'image', 'receiver=elsewhere'],
    '{.spec.template.spec.containers[0].image}=mailhold:none',
  ],
  [
    'how many may be missing',
    'pdb/default-receiver',
    ['patch', '--type=merge', '-p', '{"spec":{"maxUnavailable":2}}'],
    '{.spec.maxUnavailable}=1',
  ],
];

for (const [what, object, change, field] of CHANGED) {
  test(`${what} is as planned again within two seconds, and a foreign label stays`, { skip }, async () => {
    await kubectl('label', object, 'team=mail', '--overwrite');
    await kubectl(...withObject(change, object));
    await kubectl('wait', `--for=jsonpath=${field}`, object, BACK);
    assert.equal(await kubectl('get', object, '-o', 'jsonpath={.metadata.labels.team}'), 'mail');
  });
}

for (const object of [
  'sa/default-workers',
  'deploy/default-poller-0',
  'pdb/default-receiver',
  'svc/default-receiver',
]) {
  test(`${object}, deleted, is there again within two seconds`, { skip }, async () => {
    const before = await uidOf(object);
    await kubectl('delete', object);
    await kubectl('wait', '--for=create', object, BACK);
    assert.notEqual(await uidOf(object), before);
  });
}

test('nothing is written after a restart, where nothing changed, nor for manifests that say the same', {
  skip,
}, async () => {
  const clusterIP = await kubectl('get', 'svc', 'default-receiver', '-o', 'jsonpath={.spec.clusterIP}');
  await kubectl('wait', `--for=jsonpath={.status.addresses[0]}=${clusterIP}`, 'mgw/default', '--timeout=10s');
  await scene.restart();
  assert.match(await scene.apply(...manifests), /^(.* unchanged\n){3}$/);
  // What is to be seen is that nothing happens.
  await pause(IDLE_MS);
  assert.deepEqual(await scene.operator.writes(), {});
});

/** `scale OBJECT --replicas=5` of `scale --replicas=5`. */
function withObject([verb = '', ...args]: readonly string[], object: string): string[] {
  return verb === 'set' ? [verb, args[0] ?? '', object, ...args.slice(1)] : [verb, object, ...args];
}

function uidOf(object: string): Promise<string> {
  return kubectl('get', object, '-o', 'jsonpath={.metadata.uid}');
}
