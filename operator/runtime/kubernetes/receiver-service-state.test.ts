import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesScene } from '../../../test/kubernetes-scene.ts';
import type { ReceiverServiceState } from '../../plan/inputs.ts';
import { receiverServiceState } from './receiver-service-state.ts';
import type { LiveNode, LiveService } from './watched.ts';

const clusterIP = '10.96.0.25';

function service(rest: Pick<LiveService, 'spec' | 'status'>): LiveService {
  return { apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'contoso', name: 'default-receiver' }, ...rest };
}

function node(name: string, ...addresses: [type: string, address: string][]): LiveNode {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    status: { addresses: addresses.map(([type, address]) => ({ type, address })) },
  };
}

const INSIDE = [node('b', ['InternalIP', '192.0.2.2'], ['Hostname', 'b']), node('a', ['InternalIP', '192.0.2.1'])];
const cases: {
  name: string;
  type?: string;
  service?: LiveService;
  nodes?: LiveNode[];
  state: ReceiverServiceState | undefined;
}[] = [
  { name: 'a Service that is not there', state: undefined },
  { name: 'one that was not allotted an address yet', service: service({ spec: {} }), state: undefined },
  { name: 'one with an empty address', service: service({ spec: { clusterIP: '' } }), state: undefined },
  {
    name: 'a load balancer that is being made',
    service: service({ spec: { clusterIP } }),
    state: { clusterIP, addresses: [] },
  },
  {
    name: 'load balancers with an address and with a name',
    service: service({
      spec: { clusterIP },
      status: { loadBalancer: { ingress: [{ ip: '203.0.113.25' }, { hostname: 'lb.example.com' }, {}] } },
    }),
    state: { clusterIP, addresses: ['203.0.113.25', 'lb.example.com'] },
  },
  {
    name: 'a Service inside the cluster',
    type: 'ClusterIP',
    service: service({ spec: { clusterIP, clusterIPs: [clusterIP, 'fd00::25'] } }),
    state: { clusterIP, addresses: [clusterIP, 'fd00::25'] },
  },
  {
    name: 'ports of nodes that the world cannot reach',
    type: 'NodePort',
    service: service({ spec: { clusterIP, ports: [{ port: 25, nodePort: 30025 }] } }),
    nodes: INSIDE,
    state: { clusterIP, addresses: ['192.0.2.1', '192.0.2.2'], nodePort: 30025 },
  },
  {
    name: 'ports of nodes of which one has an address for the world',
    type: 'NodePort',
    service: service({ spec: { clusterIP } }),
    nodes: [...INSIDE, node('c', ['ExternalIP', '203.0.113.3'], ['InternalIP', '192.0.2.3'])],
    state: { clusterIP, addresses: ['203.0.113.3'] },
  },
  {
    name: 'more nodes than a person writes down',
    type: 'NodePort',
    service: service({ spec: { clusterIP } }),
    nodes: Array.from({ length: 20 }, (_, index) => node(`n${index}`, ['InternalIP', `192.0.2.${100 + index}`])),
    state: { clusterIP, addresses: Array.from({ length: 8 }, (_, index) => `192.0.2.${100 + index}`) },
  },
];

for (const { name, type, service: live, nodes = [], state } of cases) {
  test(`where receivers are reached: ${name}`, () => {
    const [gateway] = kubernetesScene({ ...(type !== undefined && { receiver: `service: {type: ${type}}` }) }).gateways;
    assert.ok(gateway);
    assert.deepEqual(receiverServiceState(gateway, live, nodes), state);
  });
}
