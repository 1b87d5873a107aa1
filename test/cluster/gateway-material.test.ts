import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { MailGateway } from '../../operator/api/mail-gateway.ts';
import { createKubeClient } from '../../operator/kube/kube-client.ts';
import { loadKubeConfig } from '../../operator/kube/load-kube-config.ts';
import type { FinishedCall } from '../../operator/kube/measured-calls.ts';
import { keyFingerprint } from '../../operator/plan/address.ts';
import { systemClock } from '../../operator/runtime/clock.ts';
import { createConnectionSecrets } from '../../operator/runtime/kubernetes/connection-secrets.ts';
import { createGatewayMaterials } from '../../operator/runtime/kubernetes/gateway-material.ts';
import { createStatusTLS } from '../../operator/runtime/kubernetes/status-tls.ts';
import { openWorkerAuthority } from '../../operator/runtime/kubernetes/worker-authority.ts';
import { type Cluster, requirements, startCluster } from './cluster.ts';

const NAMESPACE = `material-${randomUUID().slice(0, 8)}`;
const NOW = Date.now();
const DAY = 86_400_000;
const skip = (await requirements({ node: false })) ?? false;
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

let cluster: Cluster;

before(async () => {
  if (skip) return;
  cluster = await startCluster({ node: false });
  await kubectl(['apply', '--server-side', '--force-conflicts', '-f', join(import.meta.dirname, '../../crds')]);
  await kubectl(['create', 'namespace', NAMESPACE]);
});

after(async () => {
  if (skip) return;
  await kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
  await cluster[Symbol.asyncDispose]();
});

test('of two operators that make the address key at once, both serve the one that is kept', { skip }, async () => {
  const it = await gateway('raced');
  await using one = operator();
  await using other = operator();
  const readings = await Promise.all([one, other].map(({ client }) => createGatewayMaterials(client).read(it, NOW)));
  const kept = await kubectl(['get', 'secret', 'raced-address-key', '-o', 'jsonpath={.data.key}']);
  const [first, second] = readings.map(({ material }) => material);
  assert.deepEqual(first?.addressKey, Buffer.from(kept, 'base64'));
  assert.deepEqual(second?.addressKey, first?.addressKey);
  assert.equal(second?.selfTestKey, first?.selfTestKey);
});

test('a key that was used and is deleted is not replaced, and serves again once it is restored', { skip }, async () => {
  const it = await gateway('lost');
  await using here = operator();
  const before = await createGatewayMaterials(here.client).read(it, NOW);
  assert.ok(before.material.addressKey instanceof Uint8Array);
  const backup = await kubectl(['get', 'secret', 'lost-address-key', '-o', 'json']);
  await kubectl(['delete', 'secret', 'lost-address-key']);

  const used = { ...it, status: { addressKeyFingerprint: keyFingerprint(before.material.addressKey) } };
  const materials = createGatewayMaterials(here.client);
  const { addressKey } = (await materials.read(used, NOW)).material;
  assert.ok(addressKey !== undefined && !(addressKey instanceof Uint8Array));
  assert.equal(addressKey.reason, 'AddressKeyChanged');
  assert.equal(await kubectl(['get', 'secret', 'lost-address-key', '--ignore-not-found', '-o', 'name']), '');

  await kubectl(['apply', '-f', '-'], backup);
  assert.deepEqual((await materials.read(used, NOW + 30_000)).material.addressKey, before.material.addressKey);
});

test('an address key cannot be overwritten', { skip }, async () => {
  await using here = operator();
  await createGatewayMaterials(here.client).read(await gateway('kept'), NOW);
  const { code, stderr } = await cluster.kubectl([
    'patch',
    'secret',
    'kept-address-key',
    '-n',
    NAMESPACE,
    '--type=merge',
    '-p',
    '{"data":{"key":"b3RoZXI="}}',
  ]);
  assert.notEqual(code, 0);
  assert.match(stderr, /immutable/);
});

test('certificates are renewed in place, and nothing is written while they are good', { skip }, async () => {
  const it = await gateway('renewed');
  await using here = operator();
  const authority = await openWorkerAuthority(here.client, NAMESPACE, NOW);
  const materials = createGatewayMaterials(here.client);
  const statusTLS = createStatusTLS(here.client, authority);
  const certificates = async () =>
    await Promise.all(
      ['renewed-certificate', 'renewed-status-tls'].map((name) =>
        kubectl(['get', 'secret', name, '-o', 'jsonpath={.data.tls\\.crt} {.metadata.ownerReferences[0].name}']),
      ),
    );
  const bring = async (now: number): Promise<string[]> => {
    here.writes.length = 0;
    await materials.read(it, now);
    const { fault } = await statusTLS.bring(it, now);
    assert.equal(fault, undefined);
    return here.writes.splice(0);
  };
  await bring(NOW);
  const first = await certificates();
  assert.ok(
    first.every((text) => text.endsWith(' renewed')),
    'they go with their gateway',
  );
  assert.deepEqual(await bring(NOW + DAY), []);
  assert.deepEqual(await certificates(), first);
  assert.equal((await bring(NOW + 300 * DAY)).length, 2);
  const second = await certificates();
  assert.ok(second.every((text, index) => text !== first[index]));
  assert.equal((await openWorkerAuthority(here.client, NAMESPACE, NOW)).ca, authority.ca);
});

test('a Secret is read with its annotation, by the commands that its absence is told with', { skip }, async (t) => {
  await using here = operator();
  const secrets = createConnectionSecrets(here.client, systemClock);
  const wanted = [
    { key: 'u', namespace: NAMESPACE, name: 'mailbox', secretKey: 'password', failing: true, host: 'imap.contoso.com' },
  ];
  await secrets.bring(wanted);
  const absent = secrets.get('u');
  assert.ok(absent?.kind === 'fault' && absent.fault.reason === 'SecretNotFound');
  const commands = absent.fault.message.match(/kubectl (.*) && kubectl (.*)$/)?.slice(1) ?? [];
  assert.equal(commands.length, 2);
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-password-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'password');
  await writeFile(file, 'correct horse\n');
  for (const command of commands) {
    const { code, stderr } = await cluster.kubectl(command.replace('=FILE', `=${file}`).split(' '));
    assert.equal(code, 0, stderr);
  }
  secrets.mark('u');
  await secrets.bring(wanted);
  assert.deepEqual(secrets.get('u'), { kind: 'password', password: 'correct horse', hosts: 'imap.contoso.com' });
});

/** A client of its own, as each operator has, and the writes that it made. */
function operator() {
  const writes: string[] = [];
  const client = createKubeClient({
    kubeConfig: loadKubeConfig(cluster.kubeconfig),
    userAgent: 'mailhold-test/0',
    clock: systemClock,
    log: silent,
    onCall: (call: FinishedCall) => {
      if (!['get', 'list', 'watch'].includes(call.verb)) writes.push(`${call.verb} ${call.plural}`);
    },
  });
  return { client, writes, [Symbol.asyncDispose]: () => client[Symbol.asyncDispose]() };
}

async function gateway(name: string): Promise<MailGateway> {
  const hostName = 'in.archive.example.com';
  const manifest = {
    apiVersion: 'mailhold.dev/v1alpha1',
    kind: 'MailGateway',
    metadata: { namespace: NAMESPACE, name },
    spec: { hostName, journalDomain: hostName, archiveRef: { name: 'mail' } },
  };
  return JSON.parse(await kubectl(['apply', '-f', '-', '-o', 'json'], JSON.stringify(manifest))) as MailGateway;
}

async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { stdout, stderr, code } = await cluster.kubectl(
    [...args, '-n', NAMESPACE],
    input === undefined ? {} : { input },
  );
  assert.equal(code, 0, stderr);
  return stdout;
}
