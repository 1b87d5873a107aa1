import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CLUSTER_IP,
  CLUSTER_RANGES,
  gatewayLight,
  gatewayOf,
  KUBERNETES_IMAP,
  kubernetesScene,
} from '../../test/kubernetes-scene.ts';
import { light, SMTP, served } from '../../test/plan-scene.ts';
import { plan } from './plan.ts';

test('in a cluster receivers test themselves through the Service, and tell peers that hide behind it', () => {
  const receiver = gatewayOf(plan(kubernetesScene({})))?.receiver;
  assert.deepEqual(receiver?.selfTest.dial, { address: CLUSTER_IP, port: 25 });
  assert.deepEqual(receiver?.listen, { address: '::', port: 2525 });
  assert.deepEqual(receiver?.archive.path, '/archive');
  assert.deepEqual(receiver?.hiddenPeerRanges, CLUSTER_RANGES);
});

test('there is nothing for receivers to serve before the Service has its cluster IP; pollers need none', () => {
  const planned = plan(served(kubernetesScene({ service: { addresses: [] } }, SMTP, KUBERNETES_IMAP)));
  assert.equal(gatewayOf(planned)?.receiver, undefined);
  assert.equal(gatewayOf(planned)?.pollers.length, 1);
  assert.deepEqual(gatewayLight(planned), {
    light: 'Unknown Progressing',
    message: 'The Service of the receivers is being made.',
  });
  assert.equal(light(planned, 'journal', 'Ready').light, 'Unknown Progressing');
  assert.equal(light(planned, 'undelivered', 'Ready').light, 'True Succeeded');
});

test('a gateway in a namespace that is not managed runs nothing, and says which Helm value to change', () => {
  const scene = kubernetesScene({}, SMTP, KUBERNETES_IMAP);
  const planned = plan({ ...served(scene), managedNamespaces: new Set(['mailhold']) });
  assert.equal(gatewayOf(planned)?.receiver, undefined);
  assert.deepEqual(gatewayOf(planned)?.pollers, []);
  const { light: ready, message } = gatewayLight(planned);
  assert.equal(ready, 'False NamespaceNotAllowed');
  assert.match(message, /namespace contoso: add it to the Helm value gatewayNamespaces/);
  for (const name of ['journal', 'undelivered']) {
    assert.equal(light(planned, name, 'Ready').light, 'False NamespaceNotAllowed');
  }
  assert.equal(planned.connections.values().next().value?.entry, undefined);
});
