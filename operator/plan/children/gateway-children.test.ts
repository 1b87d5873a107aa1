import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  childrenOf,
  GATEWAY_SCENES,
  type GatewayScene,
  gatewayScene,
  objectsOf,
  SCENE_SECRETS,
} from '../../../test/gateway-scenes.ts';
import { gatewayChildren } from './gateway-children.ts';

const rollouts = [
  { shareable: false, replicas: 1, strategy: { type: 'Recreate' }, budget: false, spread: false },
  { shareable: true, replicas: 1, strategy: rolling(), budget: false, spread: false },
  { shareable: true, replicas: 3, strategy: rolling(), budget: true, spread: true },
];

for (const { shareable, replicas, strategy, budget, spread } of rollouts) {
  const volume = shareable ? 'a volume that can be shared' : 'a volume of one node';
  test(`${replicas} receivers on ${volume} are rolled out by ${strategy.type}; a budget: ${budget}`, () => {
    const children = childrenOf(gatewayScene('edge', { receiver: { replicas }, shareable }));
    const { spec } = children.workers?.receiver.deployment ?? assert.fail('there is a receiver');
    assert.equal(spec.replicas, replicas);
    assert.deepEqual(spec.strategy, strategy);
    assert.equal(spec.template.spec.topologySpreadConstraints !== undefined, spread);
    assert.equal(children.disruptionBudget?.spec.maxUnavailable, budget ? 1 : undefined);
    for (const poller of children.workers?.pollers ?? []) {
      assert.equal(poller.deployment.spec.replicas, 1);
      assert.deepEqual(poller.deployment.spec.strategy, { type: 'Recreate' });
    }
  });
}

test('each shard has a poller of its own, and no selector takes the pods of another group', () => {
  const { workers, service } = childrenOf(shared());
  assert.equal(workers?.pollers.length, 2);
  const groups = [workers?.receiver, ...(workers?.pollers ?? [])].map((it) => it?.deployment.spec);
  for (const [index, group] of groups.entries()) {
    const taken = groups.filter((it) => selects(group?.selector.matchLabels, it?.template.metadata.labels));
    assert.deepEqual(taken, [groups[index]]);
  }
  assert.deepEqual(
    groups.filter((it) => selects(service.spec.selector, it?.template.metadata.labels)),
    [groups[0]],
  );
});

test('a selector depends on nothing that a gateway may change', () => {
  const selectors = (scene: GatewayScene) => {
    const { workers, service } = childrenOf(scene);
    const deployments = [workers?.receiver, workers?.pollers[0]].map((it) => it?.deployment.spec.selector);
    return [...deployments, service.spec.selector];
  };
  const before = gatewayScene('edge', {});
  const after = gatewayScene('edge', {
    receiver: { replicas: 2, service: { type: 'ClusterIP' } },
    volume: { claimName: 'other' },
    shareable: true,
  });
  const archive = { ...after.archive, metadata: { ...after.archive.metadata, name: 'other' } };
  assert.deepEqual(selectors({ ...after, archive }), selectors(before));
});

test('without an archive there are no workers to make, and none to take away', () => {
  const { archive: _, ...scene } = shared();
  const plan = { receiverEntries: [], pollers: [], pollerEntries: [] };
  const children = gatewayChildren({ ...scene, image: 'mailhold', imagePullPolicy: 'Always', replicas: 1, plan });
  assert.equal(children.workers, undefined);
  assert.equal(children.service.metadata.name, 'shared-receiver');
});

test('a group that cannot be planned now keeps its pods and its configuration', () => {
  const { gateway, archive, shareable } = shared();
  const plan = { receiverEntries: [], pollers: [], pollerEntries: [] };
  const { workers } = gatewayChildren({
    ...{ gateway, archive, shareable, plan },
    ...{ image: 'mailhold', imagePullPolicy: 'Always', replicas: 3 },
  });
  assert.equal(workers?.receiver.configuration, undefined);
  assert.deepEqual(
    workers?.pollers.map(({ configuration, deployment }) => [deployment.metadata.name, configuration]),
    [
      ['shared-poller-0', undefined],
      ['shared-poller-1', undefined],
    ],
  );
});

for (const scene of GATEWAY_SCENES) {
  test(`what belongs to the gateway ${scene.name} goes with it, in its namespace; the claim stays`, () => {
    for (const { kind, metadata } of objectsOf(scene)) {
      assert.equal(metadata.namespace, 'mail');
      assert.equal(metadata.labels['app.kubernetes.io/managed-by'], 'mailhold');
      const owners = metadata.ownerReferences?.map(({ uid, controller }) => [uid, controller]);
      const expected = kind === 'PersistentVolumeClaim' ? undefined : [[scene.gateway.metadata.uid, true]];
      assert.deepEqual(owners, expected, `${kind}/${metadata.name}`);
    }
  });

  test(`no secret of the gateway ${scene.name} stands outside of Secrets`, () => {
    for (const object of objectsOf(scene).filter(({ kind }) => kind !== 'Secret')) {
      const text = JSON.stringify(object);
      for (const [what, secret] of Object.entries(SCENE_SECRETS)) {
        for (const form of [secret, Buffer.from(secret).toString('base64')]) {
          assert.ok(!text.includes(form), `${object.kind}/${object.metadata.name} holds the ${what}`);
        }
      }
    }
  });
}

function shared(): GatewayScene {
  return GATEWAY_SCENES.find(({ name }) => name === 'shared') ?? assert.fail('there is a gateway with shards');
}

function rolling() {
  return { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } };
}

function selects(selector: Record<string, string> = {}, labels: Record<string, string> = {}): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
