import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayScene } from '../../../test/gateway-scenes.ts';
import { receiverService } from './receiver-service.ts';

const cases = [
  { service: {}, type: 'LoadBalancer', policy: 'Local' },
  { service: { externalTrafficPolicy: 'Cluster' }, type: 'LoadBalancer', policy: 'Cluster' },
  { service: { type: 'NodePort' }, type: 'NodePort', policy: 'Local' },
  { service: { type: 'NodePort', externalTrafficPolicy: 'Cluster' }, type: 'NodePort', policy: 'Cluster' },
  { service: { type: 'ClusterIP' }, type: 'ClusterIP', policy: undefined },
];

for (const { service, type, policy } of cases) {
  test(`a gateway with service: ${JSON.stringify(service)} gets a ${type} with externalTrafficPolicy ${policy}`, () => {
    const { gateway } = gatewayScene('edge', { receiver: { service } });
    const { spec } = receiverService(gateway);
    assert.equal(spec.type, type);
    assert.equal(spec.externalTrafficPolicy, policy);
  });
}

test('senders come to port 25, and nothing is said of what the cluster decides', () => {
  const { gateway } = gatewayScene('edge', {});
  const { metadata, spec } = receiverService(gateway);
  assert.deepEqual(spec.ports, [{ name: 'smtp', protocol: 'TCP', port: 25, targetPort: 'smtp' }]);
  assert.deepEqual(Object.keys(spec).toSorted(), ['externalTrafficPolicy', 'ports', 'selector', 'type']);
  assert.equal(metadata.annotations, undefined);
});
