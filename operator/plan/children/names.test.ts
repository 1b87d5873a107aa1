import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BUCKETS } from '../bucket.ts';
import { configurationSecretNames } from './configuration-secrets.ts';
import { pollerName, receiverName, statusTLSName, workersName } from './names.ts';

/** Shards that a gateway can have: 0 to 63. */
const LAST_SHARD = 63;

test('every name of the longest gateway fits: workloads into a DNS label, Secrets into a DNS subdomain', () => {
  const gateway = 'g'.repeat(40);
  const workloads = [receiverName(gateway), pollerName(gateway, LAST_SHARD), workersName(gateway)];
  for (const name of workloads) assert.ok(name.length <= 63, `${name} has ${name.length} characters`);
  for (const name of [...workloads.flatMap(configurationSecretNames), statusTLSName(gateway)]) {
    assert.ok(name.length <= 253, `${name} has ${name.length} characters`);
  }
});

test('a group has a Secret for each bucket and one for itself, all with different names', () => {
  const names = configurationSecretNames('edge-receiver');
  assert.equal(new Set(names).size, BUCKETS + 1);
  assert.ok(names.includes('edge-receiver-connections-00'));
  assert.ok(names.includes('edge-receiver-connections-15'));
  assert.ok(names.includes('edge-receiver-group'));
});

test('two gateways never share a name, even where one is called like a child of the other', () => {
  const words = ['edge', 'receiver', 'poller', '0', '1', 'group', 'workers', 'connections', '00', 'status', 'tls'];
  const gatewayName = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 4 }).map((it) => it.join('-'));
  fc.assert(
    fc.property(gatewayName, gatewayName, (one, other) => {
      fc.pre(one !== other);
      const taken = new Set(namesOf(one));
      assert.deepEqual(
        namesOf(other).filter((name) => taken.has(name)),
        [],
      );
    }),
  );
});

function namesOf(gateway: string): string[] {
  const workloads = [receiverName(gateway), pollerName(gateway, 0), pollerName(gateway, 1)];
  return [...workloads, ...workloads.flatMap(configurationSecretNames), workersName(gateway), statusTLSName(gateway)];
}
