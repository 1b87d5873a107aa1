import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  childrenOf,
  GATEWAY_SCENES,
  gatewayScene,
  mailbox,
  pollerGroup,
  SCENE_SECRETS,
} from '../../../test/gateway-scenes.ts';
import type { PollerConnection } from '../../../workers/process/contract.ts';
import { bucketOf } from '../bucket.ts';
import type { Secret } from './child-object.ts';
import { configurationSecretNames, configurationSecrets } from './configuration-secrets.ts';

const { gateway } = gatewayScene('plain', {});
const group = pollerGroup(gateway, { index: 0, count: 1 });

test('every connection is in the Secret of its bucket, and the group comes last', () => {
  const entries = Array.from({ length: 40 }, (_, number) => entry(`uid-${number}`));
  const { write } = secretsOf(entries);
  const names = write.map(({ metadata }) => metadata.name);
  assert.equal(names.at(-1), 'plain-poller-0-group');
  assert.deepEqual(contentOf(write.at(-1)), group);
  for (const { uid } of entries) {
    const bucket = String(bucketOf(uid)).padStart(2, '0');
    const secret = write[names.indexOf(`plain-poller-0-connections-${bucket}`)];
    assert.ok(uidsIn(secret).includes(uid), `${uid} is in bucket ${bucket}`);
  }
  assert.equal(write.slice(0, -1).flatMap(uidsIn).length, entries.length);
});

test('a Secret of the group is written or removed, and a bucket is removed exactly where it is empty', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.uuid(), { maxLength: 30 }), (uids) => {
      const { write, remove } = secretsOf(uids.map((uid) => entry(uid)));
      const written = write.map(({ metadata }) => metadata.name);
      assert.deepEqual([...written, ...remove].toSorted(), configurationSecretNames('plain-poller-0').toSorted());
      assert.equal(written.length, new Set(uids.map(bucketOf)).size + 1);
    }),
  );
});

test('equal connections give equal bytes, in whatever order they and their fields come', () => {
  const entries = Array.from({ length: 20 }, (_, number) => entry(`uid-${number}`));
  const text = JSON.stringify(secretsOf(entries));
  fc.assert(
    fc.property(fc.shuffledSubarray(entries, { minLength: entries.length }), (shuffled) => {
      const turned = shuffled.map((entry) => Object.fromEntries(Object.entries(entry).toReversed()));
      assert.equal(JSON.stringify(secretsOf(turned as unknown as PollerConnection[])), text);
    }),
  );
});

test('pollers are told passwords, and receivers are not', () => {
  for (const scene of GATEWAY_SCENES) {
    const { workers } = childrenOf(scene);
    const textOf = (secrets: readonly Secret[] = []) => secrets.map((it) => JSON.stringify(contentOf(it))).join('\n');
    assert.ok(!textOf(workers?.receiver.configuration?.write).includes('password'));
    for (const { configuration } of workers?.pollers ?? []) {
      assert.ok(textOf(configuration?.write).includes(SCENE_SECRETS.password));
      assert.ok(!textOf(configuration?.write).includes(SCENE_SECRETS.privateKey));
    }
  }
});

function entry(uid: string): PollerConnection {
  return { ...mailbox('mailbox', 1), uid };
}

function secretsOf(entries: readonly PollerConnection[]) {
  return configurationSecrets(gateway, 'plain-poller-0', group, entries);
}

function contentOf(secret: Secret | undefined): unknown {
  const [data = ''] = Object.values(secret?.data ?? {});
  return JSON.parse(Buffer.from(data, 'base64').toString());
}

function uidsIn(secret: Secret | undefined): string[] {
  const { entries } = contentOf(secret) as { entries: { uid: string }[] };
  return entries.map(({ uid }) => uid);
}
