import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayLight, gatewayOf, KUBERNETES_IMAP, kubernetesScene } from '../../test/kubernetes-scene.ts';
import { later, light, MINUTE, NOW, served } from '../../test/plan-scene.ts';
import { BUCKETS, bucketOf } from './bucket.ts';
import { type PlanInput, plan, pollerKey } from './plan.ts';
import { shardOf } from './shard.ts';

const uids = Array.from({ length: 4_000 }, (_, index) => `uid-${index}`);

test('a mailbox always has the same shard, and all have their share', () => {
  assert.deepEqual(
    ['uid-0', 'uid-1', 'uid-2'].map((uid) => shardOf(uid, 4)),
    [0, 3, 3],
  );
  for (const count of [1, 2, 3, 16, 64]) {
    const sizes = [...Map.groupBy(uids, (uid) => shardOf(uid, count)).values()].map(({ length }) => length);
    assert.equal(sizes.length, count);
    assert.ok(Math.max(...sizes) < (1.6 * uids.length) / count, `of ${count}`);
  }
});

test('the mailboxes of one shard fill all buckets', () => {
  for (const mailboxes of Map.groupBy(uids, (uid) => shardOf(uid, 16)).values()) {
    assert.equal(new Set(mailboxes.map(bucketOf)).size, BUCKETS);
  }
});

test('mailboxes are spread over the pollers, each with its shard and its own part', () => {
  const mailboxes = Array.from({ length: 40 }, (_, index) =>
    KUBERNETES_IMAP.replace('name: undelivered', `name: m${index}`).replace('user: undeliverable', `user: u${index}`),
  );
  const planned = gatewayOf(plan(kubernetesScene({ poller: 'shards: 3' }, ...mailboxes)));
  assert.deepEqual(
    planned?.pollers.map(({ shard }) => shard),
    [0, 1, 2].map((index) => ({ index, count: 3 })),
  );
  assert.equal(planned?.pollerEntries.flat().length, 40);
  for (const entries of planned?.pollerEntries ?? []) assert.ok(entries.length > 3, 'none is left without work');
  assert.deepEqual(planned?.status.pollers, { shards: 3, ready: 0 });
  assert.equal(gatewayLight(plan(served(kubernetesScene({ poller: 'shards: 3' })))).light, 'True Succeeded');
});

test('a mailbox moves to another poller only after the one before has let go of it', () => {
  const before = served(kubernetesScene({}, KUBERNETES_IMAP));
  const uid = before.connections[0]?.metadata.uid ?? '';
  const wide: PlanInput = {
    ...later(before, 1_000),
    gateways: before.gateways.map((it) => ({ ...it, spec: { ...it.spec, poller: { ...it.spec.poller, shards: 64 } } })),
  };
  const target = plan(wide).connections.get(uid)?.shard ?? 0;
  assert.notEqual(target, 0);
  const entries = (input: PlanInput) => gatewayOf(plan(input))?.pollerEntries.map(({ length }) => length);
  const only = (shard: number) => Array.from({ length: 64 }, (_, index) => (index === shard ? 1 : 0));

  const at = (...shards: number[]) => new Map([[uid, shards.map((shard) => pollerKey('contoso/default', shard))]]);
  const moving = { ...wide, servedBy: at(0) };
  assert.deepEqual(entries(moving), only(-1), 'nobody is given it');
  const { light: ready, message } = light(plan(moving), 'undelivered', 'Ready');
  assert.equal(ready, 'Unknown Progressing');
  assert.match(message, /moves to another poller/);
  assert.equal(light(plan(moving), 'undelivered', 'Archiving').light, 'True Succeeded', 'as before');
  assert.deepEqual(entries({ ...wide, servedBy: at(0, target) }), only(-1), 'not while both have it');
  assert.deepEqual(entries({ ...wide, servedBy: at(target) }), only(target));
  assert.deepEqual(entries({ ...wide, servedBy: new Map() }), only(target));
});

test('a mailbox moves to another gateway, whose poller has the same number, only after the one before has let go of it', () => {
  const scene = served(kubernetesScene({}, KUBERNETES_IMAP));
  const uid = scene.connections[0]?.metadata.uid ?? '';
  const entries = (gateway: string) =>
    gatewayOf(plan({ ...scene, servedBy: new Map([[uid, [pollerKey(gateway, 0)]]]) }))?.pollerEntries.flat().length;
  assert.equal(entries('contoso/default'), 1);
  assert.equal(entries('contoso/other'), 0);
  assert.equal(entries('other/default'), 0);
});

test('the light of a mailbox is that of its own poller', () => {
  const scene = served(kubernetesScene({ poller: 'shards: 2' }, KUBERNETES_IMAP));
  const shard = plan(scene).connections.values().next().value?.shard ?? 0;
  const silent = (which: number): PlanInput => ({
    ...scene,
    workers: new Map(
      [...scene.workers].map(([key, it]) => [
        key,
        {
          ...it,
          pollers: (it.pollers ?? []).map((report, index) => ({
            ...report,
            ...(index === which && { answeredAt: NOW - 5 * MINUTE }),
          })),
        },
      ]),
    ),
  });
  assert.equal(light(plan(silent(shard)), 'undelivered', 'Ready').light, 'Unknown WorkerUnreachable');
  assert.equal(light(plan(silent(1 - shard)), 'undelivered', 'Ready').light, 'True Succeeded');
  assert.equal(gatewayLight(plan(silent(1 - shard))).light, 'Unknown WorkerUnreachable', 'the gateway hears all');
});
