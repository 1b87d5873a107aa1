import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { secretObject, secretsInMemory } from '../../../test/secrets-in-memory.ts';
import { openWorkerAuthority } from './worker-authority.ts';

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const SECRET = 'operator/mailhold-worker-authority';
const GATEWAY = { namespace: 'mail', name: 'edge' };

test('the authority is made once, and read by who comes later', async () => {
  const { client, objects, takeCalls } = secretsInMemory();
  const first = await openWorkerAuthority(client, 'operator', NOW);
  assert.deepEqual(takeCalls(), [`get ${SECRET}`, `create ${SECRET}`]);
  const second = await openWorkerAuthority(client, 'operator', NOW);
  assert.equal(second.ca, first.ca);
  assert.deepEqual(takeCalls(), [`get ${SECRET}`]);
  const ca = new X509Certificate(first.ca);
  assert.ok(ca.ca && ca.verify(ca.publicKey));
  assert.equal(Math.round((Date.parse(ca.validTo) - NOW) / DAY), 3_650);
  assert.equal(objects.get(SECRET)?.metadata.ownerReferences, undefined);
});

test('of two operators that make one at once, both take the one that came first', async () => {
  const memory = secretsInMemory();
  const other = secretsInMemory();
  const theirs = await openWorkerAuthority(other.client, 'operator', NOW);
  memory.meddle = (call) => {
    const made = other.objects.get(SECRET);
    if (call === `create ${SECRET}` && made !== undefined) memory.objects.set(SECRET, made);
  };
  assert.equal((await openWorkerAuthority(memory.client, 'operator', NOW)).ca, theirs.ca);
});

test('it signs for servers and for the operator, each for its own use', async () => {
  const { client } = secretsInMemory();
  const authority = await openWorkerAuthority(client, 'operator', NOW);
  const { ca, cert, servername } = authority.clientTls(GATEWAY);
  assert.equal(servername, 'edge.mail.workers.mailhold.internal');
  const issuer = new X509Certificate(ca);
  const server = new X509Certificate((await authority.issueServer([servername], NOW)).certificate);
  const operator = new X509Certificate(cert);
  for (const one of [server, operator]) assert.ok(one.checkIssued(issuer) && one.verify(issuer.publicKey) && !one.ca);
  assert.deepEqual([server.keyUsage, operator.keyUsage], [['1.3.6.1.5.5.7.3.1'], ['1.3.6.1.5.5.7.3.2']]);
  assert.equal(server.checkHost(servername), servername);
  assert.equal(operator.subject, 'CN=mailhold-operator');
  assert.equal(Math.round((Date.parse(server.validTo) - NOW) / DAY), 90);
  assert.equal(Math.round((Date.parse(operator.validTo) - NOW) / DAY), 7);
});

test('names longer than a common name has room for are in the certificate all the same', async () => {
  const { client } = secretsInMemory();
  const authority = await openWorkerAuthority(client, 'operator', NOW);
  const { servername } = authority.clientTls({ namespace: 'n'.repeat(63), name: 'g'.repeat(40) });
  const { certificate } = await authority.issueServer([servername], NOW);
  assert.equal(new X509Certificate(certificate).checkHost(servername), servername);
});

test("the operator's own keys are renewed at two thirds of their life, and nothing is written for it", async () => {
  const { client, takeCalls } = secretsInMemory();
  const authority = await openWorkerAuthority(client, 'operator', NOW);
  const before = authority.clientTls(GATEWAY);
  takeCalls();
  const due = NOW + (7 * DAY * 2) / 3;
  await authority.bring(due - DAY / 12);
  assert.deepEqual(authority.clientTls(GATEWAY), before);
  await authority.bring(due);
  const after = authority.clientTls(GATEWAY);
  assert.notEqual(after.cert, before.cert);
  assert.equal(after.ca, before.ca);
  assert.ok(takeCalls().every((call) => call === `get ${SECRET}`));
});

test('a deleted, damaged or nearly expired authority is followed by a new one', async () => {
  for (const spoil of ['deleted', 'damaged', 'expired'] as const) {
    const { client, objects } = secretsInMemory();
    const authority = await openWorkerAuthority(client, 'operator', NOW);
    const before = authority.clientTls(GATEWAY);
    const at = spoil === 'expired' ? NOW + 3_600 * DAY : NOW + 300_000;
    if (spoil === 'deleted') objects.delete(SECRET);
    if (spoil === 'damaged') {
      const { data, metadata } = secretObject(SECRET, { 'ca.crt': before.ca, 'ca.key': 'nothing' });
      objects.set(SECRET, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { ...metadata, resourceVersion: '7' },
        ...{ data },
      });
    }
    const again = await authority.bring(at);
    const after = authority.clientTls(GATEWAY);
    assert.notEqual(after.ca, before.ca, spoil);
    assert.ok(new X509Certificate(after.cert).verify(new X509Certificate(after.ca).publicKey), spoil);
    assert.equal(again, at + 300_000);
    assert.equal((await openWorkerAuthority(client, 'operator', at)).ca, after.ca, spoil);
  }
});
