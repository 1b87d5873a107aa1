import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterRanges } from './cluster-ranges.ts';

const object = (name: string) => ({ apiVersion: 'v1', kind: 'x', metadata: { name } });

test('the ranges of a cluster are those of Services, pods and nodes, sorted, each once', () => {
  const services = [
    { ...object('kubernetes'), spec: { cidrs: ['10.96.0.0/12', 'fd00:96::/108'] } },
    { ...object('more'), spec: { cidrs: ['10.96.0.0/12'] } },
  ];
  const nodes = [
    {
      ...object('a'),
      spec: { podCIDRs: ['10.244.1.0/24', 'fd00:1::/64'] },
      status: {
        addresses: [
          { type: 'InternalIP', address: '192.0.2.7' },
          { type: 'InternalIP', address: '2001:db8::7' },
          { type: 'ExternalIP', address: '203.0.113.7' },
          { type: 'Hostname', address: 'a.example.com' },
        ],
      },
    },
    { ...object('b') },
  ];
  const expected = [
    '10.244.1.0/24',
    '10.96.0.0/12',
    '192.0.2.7/32',
    '2001:db8::7/128',
    '203.0.113.7/32',
    'fd00:1::/64',
    'fd00:96::/108',
  ];
  assert.deepEqual(clusterRanges(services, nodes), expected);
  assert.deepEqual(clusterRanges(services.toReversed(), nodes.toReversed()), expected);
  assert.deepEqual(clusterRanges([], []), []);
});
