import assert from 'node:assert/strict';
import { test } from 'node:test';
import { archiveLight, gatewayLight, type KubernetesEdge, kubernetesScene } from '../../test/kubernetes-scene.ts';
import { later, MINUTE, NOW, served } from '../../test/plan-scene.ts';
import { plan } from './plan.ts';

const claimCases: [string, KubernetesEdge, string, RegExp][] = [
  ['is bound', {}, 'True Succeeded', /Can be written/],
  ['is being made', { claim: { missing: true } }, 'Unknown Progressing', /is being made/],
  ['waits for its first pod', { claim: { phase: 'Pending', accessModes: [] } }, 'Unknown Progressing', /waits/],
  [
    'does not exist, although named',
    { volume: 'claimName: disk', claim: { missing: true } },
    'False ClaimNotBound',
    /no PersistentVolumeClaim contoso\/disk, which spec\.volume\.claimName names/,
  ],
  ['has lost its volume', { claim: { phase: 'Lost', accessModes: [] } }, 'False ClaimNotBound', /has lost its volume/],
];

for (const [state, edge, ready, says] of claimCases) {
  test(`an archive whose claim ${state} is ${ready}`, () => {
    const planned = plan(served(kubernetesScene(edge)));
    const { light: lit, message } = archiveLight(planned);
    assert.equal(lit, ready);
    assert.match(message, says);
    const isFault = ready.startsWith('False');
    assert.equal(gatewayLight(planned).light, isFault ? ready : 'True Succeeded', 'its gateway says so too');
  });
}

test('a claim that workers wait for in vain is told after five minutes, and stays told until it is bound', () => {
  const pending = kubernetesScene({ claim: { phase: 'Pending', accessModes: [] } });
  const first = plan(pending);
  assert.equal(archiveLight(first).light, 'Unknown Progressing');
  assert.equal(first.retryAt, NOW + 5 * MINUTE);
  const overdue = later(pending, 5 * MINUTE);
  assert.equal(archiveLight(plan(overdue)).light, 'False ClaimNotBound');
  assert.match(archiveLight(plan(overdue)).message, /kubectl describe pvc mail-mail -n contoso$/);
  const again = later(overdue, MINUTE);
  assert.equal(archiveLight(plan(again)).light, 'False ClaimNotBound');
  const bound = {
    ...again,
    claims: new Map([['contoso/mail', { phase: 'Bound', accessModes: ['ReadWriteOnce'] } as const]]),
  };
  assert.equal(archiveLight(plan(served(bound))).light, 'True Succeeded');
  const unused = { ...overdue, gateways: [] };
  assert.equal(archiveLight(plan(unused)).light, 'True NotInUse');
});
