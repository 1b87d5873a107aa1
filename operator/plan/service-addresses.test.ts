import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CLUSTER_IP,
  gatewayLight,
  gatewayOf,
  type KubernetesEdge,
  kubernetesScene,
} from '../../test/kubernetes-scene.ts';
import { later, served } from '../../test/plan-scene.ts';
import { plan } from './plan.ts';

const reachedCases: [string, KubernetesEdge, string[] | undefined, string[] | undefined, RegExp][] = [
  [
    'a load balancer with an address',
    { hostName: 'mx.example.com', service: { clusterIP: CLUSTER_IP, addresses: ['203.0.113.25', '2001:db8::25'] } },
    ['203.0.113.25', '2001:db8::25'],
    [
      'in.archive.example.com MX 10 mx.example.com.',
      'mx.example.com A 203.0.113.25',
      'mx.example.com AAAA 2001:db8::25',
    ],
    /^Takes mail for in\.archive\.example\.com\.$/,
  ],
  [
    'a load balancer with a name',
    { hostName: 'mx.example.com', service: { clusterIP: CLUSTER_IP, addresses: ['lb-1.cloud.example'] } },
    ['lb-1.cloud.example'],
    ['in.archive.example.com MX 10 mx.example.com.', 'mx.example.com CNAME lb-1.cloud.example.'],
    /^Takes mail for in\.archive\.example\.com\.$/,
  ],
  [
    'a load balancer with a name, for a host that is the journal domain',
    { service: { clusterIP: CLUSTER_IP, addresses: ['lb-1.cloud.example'] } },
    ['lb-1.cloud.example'],
    ['in.archive.example.com MX 10 in.archive.example.com.'],
    /only the name lb-1\.cloud\.example, and in\.archive\.example\.com cannot have an MX record and be an alias too/,
  ],
  [
    'a load balancer that is not there yet',
    { service: { clusterIP: CLUSTER_IP, addresses: [] } },
    [],
    ['in.archive.example.com MX 10 in.archive.example.com.'],
    /The cluster has not given its Service an address yet\.$/,
  ],
  [
    'a port of the nodes',
    {
      receiver: 'service: {type: NodePort}',
      service: { clusterIP: CLUSTER_IP, addresses: ['192.0.2.10', '2001:db8::10'], nodePort: 30_025 },
    },
    ['192.0.2.10:30025', '[2001:db8::10]:30025'],
    [
      'in.archive.example.com MX 10 in.archive.example.com.',
      'in.archive.example.com A 192.0.2.10',
      'in.archive.example.com AAAA 2001:db8::10',
    ],
    /Lead port 25 to port 30025 of the nodes/,
  ],
  [
    'only the cluster',
    { receiver: 'service: {type: ClusterIP}', service: { clusterIP: CLUSTER_IP, addresses: [] } },
    [CLUSTER_IP],
    ['in.archive.example.com MX 10 in.archive.example.com.'],
    /^Takes mail for in\.archive\.example\.com\.$/,
  ],
];

for (const [what, edge, addresses, records, says] of reachedCases) {
  test(`the status of a gateway says how to reach it through ${what}`, () => {
    const planned = plan(served(kubernetesScene(edge)));
    const status = gatewayOf(planned)?.status;
    assert.deepEqual(status?.addresses, addresses);
    assert.deepEqual(
      status?.dnsRecords?.map(({ name, type, value }) => `${name} ${type} ${value}`),
      records,
    );
    const { light: ready, message } = gatewayLight(planned);
    assert.equal(ready, 'True Succeeded');
    assert.match(message, says);
  });
}

test('the address of a gateway stays in its status while the Service was not read', () => {
  const before = later(served(kubernetesScene({})), 1_000);
  const material = new Map([...before.material].map(([key, { service: _, ...rest }]) => [key, rest]));
  const status = gatewayOf(plan({ ...before, material }))?.status;
  assert.deepEqual(status?.addresses, ['203.0.113.25']);
  assert.equal(status?.dnsRecords?.length, 2);
});
