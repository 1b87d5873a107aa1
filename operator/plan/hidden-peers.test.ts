import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayLight, kubernetesScene } from '../../test/kubernetes-scene.ts';
import { type Course, later, MINUTE, NOW, SMTP, served } from '../../test/plan-scene.ts';
import { plan } from './plan.ts';

test('hidden senders are a trouble of the gateway, which stays green, until a day has passed without any', () => {
  const hidden = (at: number, lastPeer: string): Course => ({
    group: ({ role }) =>
      role === 'receiver' ? { hiddenPeers: { count: 2, lastAt: new Date(at).toISOString(), lastPeer } } : {},
  });
  const scene = served(kubernetesScene({}, SMTP), hidden(NOW - MINUTE, '10.244.0.1'));
  const planned = plan(scene);
  assert.equal(gatewayLight(planned).light, 'True Succeeded');
  const { light: trouble, message } = gatewayLight(planned, 'PeerAddressHidden');
  assert.equal(trouble, 'True PeerAddressHidden');
  assert.match(message, /"10\.244\.0\.1".*externalTrafficPolicy: Local in spec\.receiver\.service/);
  const next = plan(served(later(scene, 1_000), hidden(NOW, '10.244.3.1')));
  assert.equal(gatewayLight(next, 'PeerAddressHidden').message, message, 'another node is no reason for other words');
  const dayLater = plan({ ...scene, now: NOW + 24 * 60 * MINUTE });
  assert.equal(gatewayLight(dayLater, 'PeerAddressHidden').light, undefined);
});
