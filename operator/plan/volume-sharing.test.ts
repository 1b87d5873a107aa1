import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayLight, gatewayOf, type KubernetesEdge, kubernetesScene } from '../../test/kubernetes-scene.ts';
import { served } from '../../test/plan-scene.ts';
import type { ClaimState } from './inputs.ts';
import { plan } from './plan.ts';

const RWX: ClaimState = { phase: 'Bound', accessModes: ['ReadWriteMany'] };
const own = (accessModes: readonly string[]): ClaimState => ({ phase: 'Bound', accessModes });

const replicaCases: [string, KubernetesEdge, number, boolean][] = [
  ['a claim of ReadWriteOnce', { receiver: 'replicas: 3' }, 1, true],
  [
    'a claim of ReadWriteMany',
    { receiver: 'replicas: 3', volume: 'size: 10Gi, accessMode: ReadWriteMany', claim: RWX },
    3,
    false,
  ],
  [
    'a claim made before accessMode was changed',
    {
      receiver: 'replicas: 3',
      volume: 'size: 10Gi, accessMode: ReadWriteMany',
      claim: own(['ReadWriteOnce']),
    },
    1,
    true,
  ],
  ['an own claim that can be shared', { receiver: 'replicas: 2', volume: 'claimName: nfs', claim: RWX }, 2, false],
  [
    'an own claim that cannot',
    { receiver: 'replicas: 2', volume: 'claimName: disk', claim: own(['ReadWriteOnce']) },
    1,
    true,
  ],
  [
    'an own claim that is missing',
    { receiver: 'replicas: 2', volume: 'claimName: x', claim: { missing: true } },
    1,
    false,
  ],
  ['one receiver', {}, 1, false],
];

for (const [what, edge, replicas, troubled] of replicaCases) {
  test(`receivers of ${what}: ${replicas} ${troubled ? 'with VolumeNotShareable' : 'without a word'}`, () => {
    const planned = plan(served(kubernetesScene(edge)));
    assert.equal(gatewayOf(planned)?.replicas, replicas);
    assert.equal(gatewayOf(planned)?.status.receiver?.replicas, replicas);
    const { light: trouble, message } = gatewayLight(planned, 'VolumeNotShareable');
    assert.equal(trouble, troubled ? 'True VolumeNotShareable' : undefined);
    if (troubled) assert.match(message, /one receiver and not 3|one receiver and not 2/);
  });
}
