import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { secretObject, secretsInMemory } from '../../../test/secrets-in-memory.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import { ApiError } from '../../kube/api-error.ts';
import { type SecretObject, textOf } from './secret-object.ts';
import { createStatusTLS } from './status-tls.ts';
import { openWorkerAuthority } from './worker-authority.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const KEY = 'mail/edge-status-tls';

const GATEWAY: MailGateway = {
  apiVersion: 'mailhold.dev/v1alpha1',
  kind: 'MailGateway',
  metadata: { namespace: 'mail', name: 'edge', uid: 'u', generation: 1, creationTimestamp: '' },
  // Only the metadata is read here.
  spec: {} as MailGateway['spec'],
};

async function fixture() {
  const memory = secretsInMemory();
  const authority = await openWorkerAuthority(memory.client, 'operator', NOW);
  memory.takeCalls();
  const certificate = () => textOf(memory.objects.get(KEY) as SecretObject, 'tls.crt') ?? '';
  return { ...memory, memory, authority, certificate, statusTLS: createStatusTLS(memory.client, authority) };
}

test('workers get keys of the authority once, in a Secret that goes with the gateway', async () => {
  const { statusTLS, takeCalls, objects, authority, certificate } = await fixture();
  assert.equal((await statusTLS.bring(GATEWAY, NOW)).readAgainAt, NOW + 300_000);
  assert.deepEqual(takeCalls(), [`get ${KEY}`, `apply ${KEY}`]);
  const secret = objects.get(KEY) as SecretObject;
  assert.equal(secret.metadata.ownerReferences?.[0]?.name, 'edge');
  assert.deepEqual(Object.keys(secret.data ?? {}).sort(), ['ca.crt', 'tls.crt', 'tls.key']);
  assert.equal(textOf(secret, 'ca.crt'), authority.ca);
  const parsed = new X509Certificate(certificate());
  assert.ok(parsed.verify(new X509Certificate(authority.ca).publicKey));
  assert.equal(parsed.subjectAltName, 'DNS:edge.mail.workers.mailhold.internal');

  await statusTLS.bring(GATEWAY, NOW + 299_999);
  assert.deepEqual(takeCalls(), []);
  await statusTLS.bring(GATEWAY, NOW + 300_000);
  await createStatusTLS(secretsLike(objects).client, authority).bring(GATEWAY, NOW);
  assert.deepEqual(takeCalls(), [`get ${KEY}`]);
});

function secretsLike(objects: Awaited<ReturnType<typeof fixture>>['objects']) {
  const memory = secretsInMemory();
  for (const [key, object] of objects) memory.objects.set(key, object);
  memory.meddle = (call) => assert.match(call, /^get /, 'another process has nothing to write');
  return memory;
}

test('they are issued anew at two thirds of their life', async () => {
  const { statusTLS, certificate } = await fixture();
  await statusTLS.bring(GATEWAY, NOW);
  const first = certificate();
  const due = NOW + 60 * DAY;
  await statusTLS.bring(GATEWAY, due - DAY);
  assert.equal(certificate(), first);
  await statusTLS.bring(GATEWAY, due);
  assert.notEqual(certificate(), first);
});

test('keys that are missing, damaged, of another gateway or of another authority are replaced', async () => {
  const { statusTLS, objects, certificate, authority } = await fixture();
  await statusTLS.bring(GATEWAY, NOW);
  const good = objects.get(KEY) as SecretObject;
  const texts = {
    'tls.crt': textOf(good, 'tls.crt') ?? '',
    'tls.key': textOf(good, 'tls.key') ?? '',
    'ca.crt': authority.ca,
  };
  const other = await authority.issueServer(['other.mail.workers.mailhold.internal'], NOW);
  const stranger = await openWorkerAuthority(secretsInMemory().client, 'operator', NOW);
  const strange = await stranger.issueServer(['edge.mail.workers.mailhold.internal'], NOW);
  const spoiled: [string, Record<string, string> | undefined][] = [
    ['missing', undefined],
    ['without a key', { ...texts, 'tls.key': '' }],
    ['of another gateway', { ...texts, 'tls.crt': other.certificate, 'tls.key': other.privateKey }],
    ['of another authority', { ...texts, 'tls.crt': strange.certificate, 'tls.key': strange.privateKey }],
    ['with another ca.crt', { ...texts, 'ca.crt': stranger.ca }],
  ];
  let now = NOW;
  for (const [what, values] of spoiled) {
    if (values === undefined) objects.delete(KEY);
    else objects.set(KEY, secretObject(KEY, values));
    now += 300_000;
    await statusTLS.bring(GATEWAY, now);
    assert.ok(new X509Certificate(certificate()).verify(new X509Certificate(authority.ca).publicKey), what);
    assert.equal(textOf(objects.get(KEY) as SecretObject, 'ca.crt'), authority.ca, what);
    assert.notEqual(certificate(), values?.['tls.crt'] ?? texts['tls.crt'], what === 'without a key' ? what : '');
  }
});

test('a new authority reaches the workers at once', async () => {
  const { statusTLS, objects, authority, takeCalls } = await fixture();
  await statusTLS.bring(GATEWAY, NOW);
  objects.delete('operator/mailhold-worker-authority');
  await authority.bring(NOW + 300_000);
  takeCalls();
  await statusTLS.bring(GATEWAY, NOW + 1);
  assert.deepEqual(takeCalls(), [`get ${KEY}`, `apply ${KEY}`]);
  assert.equal(textOf(objects.get(KEY) as SecretObject, 'ca.crt'), authority.ca);
});

test('what the API server refuses is told, and tried again in 30 s; its silence is not', async () => {
  const { statusTLS, memory } = await fixture();
  memory.meddle = () => {
    throw new ApiError('Timeout', 'no answer');
  };
  assert.equal((await statusTLS.bring(GATEWAY, NOW)).fault, undefined);
  memory.meddle = () => {
    throw new ApiError('Forbidden', 'secrets is forbidden.');
  };
  const { fault, readAgainAt } = await statusTLS.bring(GATEWAY, NOW + 30_000);
  assert.equal(fault?.reason, 'SecretForbidden');
  assert.equal(readAgainAt, NOW + 60_000);
});
