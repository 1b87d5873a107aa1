import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childrenOf, GATEWAY_SCENES, type GatewayScene, gatewayScene } from '../../../test/gateway-scenes.ts';
import { restrictedViolations } from '../../../test/restricted-profile.ts';
import type { Deployment } from './child-object.ts';

for (const scene of GATEWAY_SCENES) {
  test(`the pods of the gateway ${scene.name} satisfy the restricted profile and have no token`, () => {
    for (const { metadata, spec } of deploymentsOf(scene)) {
      assert.deepEqual(restrictedViolations(spec.template), [], metadata.name);
      assert.equal(spec.template.spec.automountServiceAccountToken, false);
    }
    assert.equal(childrenOf(scene).serviceAccount.automountServiceAccountToken, false);
  });
}

test('a changed configuration restarts nothing', () => {
  const scene = gatewayScene('edge', {});
  const changed: GatewayScene = {
    ...scene,
    receiverEntries: scene.receiverEntries.map((entry) => ({ ...entry, revision: 'r2', state: 'Disabled' })),
    pollerEntries: [[]],
  };
  assert.deepEqual(deploymentsOf(changed), deploymentsOf(scene));
  assert.notDeepEqual(childrenOf(changed), childrenOf(scene));
});

test('what needs another process starts one', () => {
  const before = gatewayScene('edge', {});
  const cases: Record<string, GatewayScene> = {
    'another claim': gatewayScene('edge', { volume: { claimName: 'other' } }),
    'more memory': gatewayScene('edge', {
      receiver: { limits: { bytesInFlight: '64Mi' } },
      poller: { bytesInFlight: '64Mi' },
    }),
    'a volume that can be shared': { ...before, shareable: true },
  };
  for (const [what, after] of Object.entries(cases)) {
    for (const [index, { spec }] of deploymentsOf(after).entries()) {
      assert.notDeepEqual(spec.template, deploymentsOf(before)[index]?.spec.template, what);
    }
  }
});

const resources = [
  { receiver: {}, expected: { requests: { cpu: '50m', memory: '192Mi' }, limits: { memory: '448Mi' } } },
  {
    receiver: { limits: { bytesInFlight: '1Gi' } },
    expected: { requests: { cpu: '50m', memory: '192Mi' }, limits: { memory: '2432Mi' } },
  },
  {
    receiver: { pod: { resources: { limits: { cpu: '2', memory: '1Gi' } } } },
    expected: { limits: { cpu: '2', memory: '1Gi' } },
  },
];

for (const { receiver, expected } of resources) {
  test(`a receiver with ${JSON.stringify(receiver)} has the resources ${JSON.stringify(expected)}`, () => {
    const [deployment] = deploymentsOf(gatewayScene('edge', { receiver }));
    assert.deepEqual(deployment?.spec.template.spec.containers[0]?.resources, expected);
  });
}

test('workers of an archive that one node mounts look for each other, also over gateways', () => {
  const scene = gatewayScene('edge', {});
  const pods = deploymentsOf(scene).map(({ spec }) => spec.template);
  for (const { metadata, spec } of pods) {
    assert.equal(metadata.labels['mailhold.dev/archive'], 'edge');
    assert.deepEqual(spec.affinity, {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            topologyKey: 'kubernetes.io/hostname',
            labelSelector: { matchLabels: { 'mailhold.dev/archive': 'edge' } },
          },
        ],
      },
    });
  }
  for (const { spec } of deploymentsOf({ ...scene, shareable: true })) {
    assert.equal(spec.template.spec.affinity, undefined);
  }
});

function deploymentsOf(scene: GatewayScene): Deployment[] {
  const { workers } = childrenOf(scene);
  return workers === undefined ? [] : [workers.receiver, ...workers.pollers].map(({ deployment }) => deployment);
}
