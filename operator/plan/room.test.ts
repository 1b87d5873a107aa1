import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMAP, light, NOW, sceneOf, served } from '../../test/plan-scene.ts';
import type { PollerConnection } from '../../workers/process/contract.ts';
import type { ObjectMeta } from '../api/resource.ts';
import { bucketOf } from './bucket.ts';
import { plan } from './plan.ts';
import { type OwnedEntry, roomFaults } from './room.ts';

const [SAMPLE] = plan(sceneOf(IMAP)).gateways.values().next().value?.pollerEntries.flat() ?? [];

/** An entry of about this size; `age` in minutes. */
function owned(uid: string, age: number, bytes: number): OwnedEntry {
  assert.ok(SAMPLE);
  const metadata: ObjectMeta = {
    name: uid,
    namespace: 'contoso',
    uid,
    generation: 1,
    creationTimestamp: new Date(NOW - age * 60_000).toISOString(),
  };
  const bare: PollerConnection = { ...SAMPLE, uid, name: uid, caBundle: '' };
  return { metadata, entry: { ...bare, caBundle: 'x'.repeat(Math.max(0, bytes - JSON.stringify(bare).length)) } };
}

/** So many uids of one bucket. */
function uidsOf(bucket: number, count: number): string[] {
  const uids: string[] = [];
  for (let index = 0; uids.length < count; index++) if (bucketOf(`u${index}`) === bucket) uids.push(`u${index}`);
  return uids;
}

test('everything fits where there is little', () => {
  assert.equal(roomFaults(uidsOf(3, 20).map((uid, age) => owned(uid, age, 1_000))).size, 0);
});

test('an entry above 32 KiB is left out alone, whatever its age', () => {
  const faults = roomFaults([owned('a', 9, 40_000), owned('b', 1, 32_000)]);
  assert.deepEqual([...faults.keys()], ['a']);
  assert.match(faults.get('a')?.message ?? '', /at most 32768 are taken: shorten spec\.imap\.caBundle/);
});

test('of a bucket that is full the youngest are left out, and only of that bucket', () => {
  // 29 of 31,000 bytes are below 900 KiB, 30 are above.
  const full = uidsOf(3, 32).map((uid, age) => owned(uid, age, 31_000));
  const other = uidsOf(4, 5).map((uid, age) => owned(uid, age, 31_000));
  const faults = roomFaults([...full, ...other]);
  const youngest = full.slice(0, 3).map(({ metadata }) => metadata.uid);
  assert.deepEqual([...faults.keys()].sort(), youngest.toSorted());
  assert.deepEqual(roomFaults([...full, ...other].toReversed()), new Map([...faults]), 'the order does not matter');
  for (const { reason } of faults.values()) assert.equal(reason, 'QuotaExceeded');
});

test('a connection that has no room shows it on itself, and the others are served', () => {
  const scene = sceneOf(IMAP, IMAP.replace('name: undelivered', 'name: heavy').replace('user: u', 'user: v'));
  // Line breaks are two characters in JSON, so a bundle that the schema admits may still be too large.
  const caBundle = `-----BEGIN CERTIFICATE-----${'\n'.repeat(16_350)}`;
  const connections = scene.connections.map((it) =>
    it.metadata.name === 'heavy' && it.spec.imap !== undefined
      ? { ...it, spec: { ...it.spec, imap: { ...it.spec.imap, caBundle } } }
      : it,
  );
  const planned = plan(served({ ...scene, connections }));
  assert.equal(light(planned, 'heavy', 'Ready').light, 'False QuotaExceeded');
  assert.equal(light(planned, 'undelivered', 'Ready').light, 'True Succeeded');
  const entries = planned.gateways.get('contoso/default')?.pollerEntries.flat() ?? [];
  assert.deepEqual(
    entries.map(({ name }) => name),
    ['undelivered'],
  );
});
