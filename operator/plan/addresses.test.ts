import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOW, SMTP, sceneOf } from '../../test/plan-scene.ts';
import type { ArchiveConnection, SMTPSpec } from '../api/archive-connection.ts';
import { deriveLocalPart } from './address.ts';
import { type Addresses, addressesOf } from './addresses.ts';
import { derivationWith } from './derivation.ts';

const KEY = Buffer.alloc(32, 7);
const HOUR = 3_600_000;
const first = deriveLocalPart(KEY, 'contoso', 'journal', 1);
const second = deriveLocalPart(KEY, 'contoso', 'journal', 2);
const pin = deriveLocalPart(Buffer.alloc(32, 9), 'contoso', 'journal', 1);

/** The connection with this spec, and the addresses that its status had before. */
function connectionWith(spec: Partial<SMTPSpec>, before?: Addresses): ArchiveConnection {
  const [connection] = sceneOf(SMTP).connections;
  assert.ok(connection?.spec.smtp);
  return {
    ...connection,
    spec: { ...connection.spec, smtp: { ...connection.spec.smtp, ...spec } },
    ...(before && { status: { addresses: before.records } }),
  };
}

function of(spec: Partial<SMTPSpec>, before: Addresses | undefined, now: number): Addresses {
  const addresses = addressesOf(connectionWith(spec, before), derivationWith(KEY), now);
  assert.ok(addresses);
  return addresses;
}

test('a new connection has its first address alone', () => {
  const addresses = of({}, undefined, NOW);
  assert.deepEqual(addresses.served, [first]);
  assert.equal(addresses.nextRetirement, undefined);
});

test('a raised generation gives a new address and keeps the old one alive for retireAfter', () => {
  const before = of({}, undefined, NOW);
  const raised = of({ addressGeneration: 2, retireAfter: '48h' }, before, NOW + HOUR);
  assert.deepEqual(raised.served, [second, first]);
  assert.equal(raised.nextRetirement, NOW + 49 * HOUR);
  const much = of({ addressGeneration: 2, retireAfter: '48h' }, raised, NOW + 10 * HOUR);
  assert.equal(much.nextRetirement, NOW + 49 * HOUR, 'the time does not start again at every look');
  const over = of({ addressGeneration: 2 }, much, NOW + 49 * HOUR);
  assert.deepEqual(over.served, [second]);
  assert.deepEqual(
    over.records.map(({ localPart }) => localPart),
    [second, first],
    'it stays remembered',
  );
});

test('retireAfter 0s ends the old address at once', () => {
  const raised = of({ addressGeneration: 2, retireAfter: '0s' }, of({}, undefined, NOW), NOW);
  assert.deepEqual(raised.served, [second]);
});

test('where status was lost, the earlier generations take mail again for retireAfter', () => {
  const recovered = of({ addressGeneration: 3, retireAfter: '1h' }, undefined, NOW);
  assert.deepEqual(recovered.served, [deriveLocalPart(KEY, 'contoso', 'journal', 3), second, first]);
  assert.equal(recovered.nextRetirement, NOW + HOUR);
});

test('a pin takes the place of the derived address, which retires; unpinned, it comes back', () => {
  const pinned = of({ address: pin }, of({}, undefined, NOW), NOW);
  assert.deepEqual(pinned.served, [pin, first]);
  const back = of({}, pinned, NOW + HOUR);
  assert.deepEqual(back.served, [first, pin]);
  assert.equal(back.records[0]?.retiresAt, undefined);
  assert.equal(back.records[0]?.since, new Date(NOW + HOUR).toISOString(), 'since it is current again');
  const stays = of({}, back, NOW + 2 * HOUR);
  assert.equal(stays.records[0]?.since, back.records[0]?.since);
});

test('no more than 16 addresses are remembered', () => {
  let addresses = of({}, undefined, NOW);
  for (let generation = 2; generation < 40; generation++) {
    addresses = of({ addressGeneration: generation }, addresses, NOW + generation);
  }
  assert.equal(addresses.records.length, 16);
  assert.equal(addresses.served.length, 16);
});
