import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretsInMemory } from '../../../test/secrets-in-memory.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import { ApiError } from '../../kube/api-error.ts';
import { type SecretObject, textOf } from './secret-object.ts';
import { sceneLog } from './testing/worker-scene.ts';
import { createWorkerKeys } from './worker-keys.ts';

const NOW = Date.UTC(2026, 0, 1);
const SECRET = 'mail/edge-status-tls';

const GATEWAY: MailGateway = {
  apiVersion: 'mailhold.dev/v1alpha1',
  kind: 'MailGateway',
  metadata: { namespace: 'mail', name: 'edge', uid: 'u', generation: 1, creationTimestamp: '' },
  // Only the metadata is read here.
  spec: {} as MailGateway['spec'],
};

function fixture() {
  const memory = secretsInMemory();
  const log = sceneLog();
  const keys = createWorkerKeys(memory.client, 'operator', log);
  const ca = () => textOf(memory.objects.get(SECRET) as SecretObject, 'ca.crt');
  return { memory, log, keys, ca };
}

test('before the first keys are brought nobody is called with any', () => {
  assert.throws(() => fixture().keys.clientTls(GATEWAY.metadata), /not been read yet/);
});

test('the operator and the workers of a gateway have keys of one authority', async () => {
  const { keys, ca } = fixture();
  const again = await keys.bring(GATEWAY, NOW);
  assert.equal(again, NOW + 300_000);
  const { ca: trusted, servername } = keys.clientTls(GATEWAY.metadata);
  assert.equal(trusted, ca());
  assert.equal(servername, 'edge.mail.workers.mailhold.internal');
});

test('a Secret that is gone is made anew within seconds where a pod may wait for it', async () => {
  const { keys, memory } = fixture();
  await keys.bring(GATEWAY, NOW);
  memory.objects.delete(SECRET);
  memory.takeCalls();
  await keys.bring(GATEWAY, NOW + 4_000);
  assert.deepEqual(memory.takeCalls(), [], 'nobody waits');
  keys.doubt(GATEWAY.metadata);
  assert.equal(await keys.bring(GATEWAY, NOW + 4_999), NOW + 5_000);
  assert.deepEqual(memory.takeCalls(), [], 'not more often than every five seconds');
  await keys.bring(GATEWAY, NOW + 5_000);
  assert.deepEqual(memory.takeCalls(), [`get ${SECRET}`, `apply ${SECRET}`]);
  assert.equal(await keys.bring(GATEWAY, NOW + 6_000), NOW + 300_000, 'then all is as before');
});

test('a doubt of a gateway that nobody knows does nothing', async () => {
  const { keys } = fixture();
  keys.doubt(GATEWAY.metadata);
  await keys.bring(GATEWAY, NOW);
  keys.doubt({ namespace: 'mail', name: 'other' });
});

test('a new authority is in the Secret of the workers in the same round', async () => {
  const { keys, memory, ca } = fixture();
  await keys.bring(GATEWAY, NOW);
  const before = ca();
  memory.objects.delete('operator/mailhold-worker-authority');
  await keys.bring(GATEWAY, NOW + 300_000);
  assert.notEqual(ca(), before);
  assert.equal(keys.clientTls(GATEWAY.metadata).ca, ca());
});

test('keys that cannot be written are logged once, and again after they could', async () => {
  const { keys, memory, log } = fixture();
  const refuse = (): void => {
    memory.meddle = (call) => {
      if (call.endsWith(SECRET)) throw new ApiError('Forbidden', 'secrets is forbidden.');
    };
  };
  refuse();
  await keys.bring(GATEWAY, NOW);
  await keys.bring(GATEWAY, NOW + 1_000);
  await keys.bring(GATEWAY, NOW + 30_000);
  assert.deepEqual(log.lines, ['worker-keys-missing']);
  memory.meddle = () => undefined;
  await keys.bring(GATEWAY, NOW + 60_000);
  refuse();
  await keys.bring(GATEWAY, NOW + 360_000);
  assert.equal(log.lines.length, 2);
});

test('a gateway that is gone is forgotten: one of the same name is read anew', async () => {
  const { keys, memory } = fixture();
  await keys.bring(GATEWAY, NOW);
  keys.keep([GATEWAY]);
  memory.takeCalls();
  await keys.bring(GATEWAY, NOW + 1_000);
  assert.deepEqual(memory.takeCalls(), []);
  keys.keep([]);
  await keys.bring(GATEWAY, NOW + 2_000);
  assert.deepEqual(memory.takeCalls(), [`get ${SECRET}`]);
});
