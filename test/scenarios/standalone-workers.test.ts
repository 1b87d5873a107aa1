import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { runStandalone } from '../../operator/runtime/standalone.ts';
import {
  connectionManifest,
  light,
  message,
  pids,
  type RunningStandalone,
  runningJournal,
  SMTP,
  send,
  standaloneFolder,
} from './running-standalone.ts';

test('a worker that is killed comes back, and the status tells of it', async (t) => {
  const mailhold = await runningJournal(t);
  const address = mailhold.status().connections[0]?.status?.address ?? '';
  const pid = pids(mailhold.status()).receiver ?? 0;
  process.kill(pid, 'SIGKILL');
  const worker = await mailhold.until('a restart', ({ workers }) =>
    workers.find(({ role, restarts, state }) => role === 'receiver' && restarts === 1 && state === 'running'),
  );
  assert.equal(worker.lastExit?.signal, 'SIGKILL');
  assert.notEqual(worker.pid, pid);
  await mailhold.until('a test by the new worker', ({ connections }) => {
    const { lastTest } = connections[0]?.status ?? {};
    return lastTest !== undefined && lastTest.startedTime > (worker.startedAt ?? '');
  });
  await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
  await send(mailhold, address);
  const metrics = await (await fetch(`${mailhold.url()}/metrics`)).text();
  assert.match(metrics, /^mailhold_worker_restarts_total\{gateway="mailhold\/default",role="receiver"\} 1$/m);
  assert.match(metrics, /mailhold_connection_condition\{.*name="journal",type="Ready",status="True"\} 1/);
});

test('another folder for the archive makes the workers begin anew, and nothing else does', async (t) => {
  const mailhold = await runningJournal(t);
  const before = pids(mailhold.status());
  const gateway = await readFile(join(mailhold.folder, 'gateway.yaml'), 'utf8');
  await mailhold.put('gateway.yaml', gateway.replace('hostName: in.', 'hostName: mx.'));
  await mailhold.until('green', (status) => message(status, 'journal').includes('mx.archive.example.com'));
  await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
  assert.deepEqual(pids(mailhold.status()), before);

  // An archive that was there before is not made anew elsewhere by itself.
  await mailhold.put('gateway.yaml', gateway.replace('path: archive', 'path: other'));
  await mailhold.until('not there', (status) => light(status, 'journal') === 'False ArchiveNotWritable');
  await mkdir(join(mailhold.folder, 'other'));
  await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
  const worker = await mailhold.until('a new receiver', ({ workers }) =>
    workers.find(({ role, pid }) => role === 'receiver' && pid !== before.receiver),
  );
  assert.equal(worker.lastExit?.code, 0);
});

test('a restart keeps addresses, the times of the lights, and the generation', async (t) => {
  const mailhold = await runningJournal(t);
  const [before] = mailhold.status().connections;
  const imap = { host: 'imap.contoso.com', user: 'me', passwordRef: { file: 'none' } };
  await mailhold.put('mailbox.yaml', connectionManifest('mailbox', { method: 'IMAP', imap }));
  await mailhold.until('red', (status) => light(status, 'mailbox') === 'False SecretNotFound');
  const red = redSince(mailhold);
  await mailhold.put('journal.yaml', connectionManifest('journal', { ...SMTP, description: 'changed' }));
  await mailhold.until('generation 2', ({ connections }) => connections[0]?.metadata.generation === 2);
  await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
  await mailhold.stop();
  await mailhold.start();
  await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
  const [after] = mailhold.status().connections;
  assert.equal(after?.metadata.generation, 2);
  assert.equal(after?.metadata.creationTimestamp, before?.metadata.creationTimestamp);
  assert.equal(after?.metadata.uid, before?.metadata.uid);
  assert.equal(after?.status?.address, before?.status?.address);
  assert.equal(redSince(mailhold), red);
});

/** When the light of `mailbox` turned red. */
function redSince(mailhold: RunningStandalone): string | undefined {
  const mailbox = mailhold.status().connections.find(({ metadata }) => metadata.name === 'mailbox');
  return mailbox?.status?.conditions?.find(({ type }) => type === 'Ready')?.lastTransitionTime;
}

test('a second run on the folder is refused, and told where the first one is', async (t) => {
  const mailhold = await runningJournal(t);
  await assert.rejects(
    runStandalone({ folder: mailhold.folder, http: '127.0.0.1:0', env: {}, write: () => undefined }),
    (error: Error) => error.message.includes(`process ${process.pid} (${mailhold.url()})`),
  );
  assert.equal(light(mailhold.status(), 'journal'), 'True Succeeded');
});

test('a given certificate that is missing, or that nobody vouches for, shows in the light', async (t) => {
  const mailhold = await runningJournal(t);
  const path = join(mailhold.folder, 'gateway.yaml');
  const gateway = await readFile(path, 'utf8');
  await mailhold.put('gateway.yaml', `${gateway}  tls: {certificateFile: tls.crt, keyFile: tls.key}\n`);
  await mailhold.until('no certificate', (status) => light(status, 'journal') === 'False CertificateInvalid');
  assert.match(message(mailhold.status(), 'journal'), /tls\.crt does not exist/);
  const pem = await readFile(join(mailhold.folder, '.mailhold', 'certificates', 'mailhold_default.pem'), 'utf8');
  const [certificate = '', key = ''] = pem.split(/(?=-----BEGIN PRIVATE)/);
  await writeFile(join(mailhold.folder, 'tls.key'), key);
  await writeFile(join(mailhold.folder, 'tls.crt'), certificate);
  // Given by the owner, so verified as a sender would: nobody vouches for it.
  await mailhold.until('not trusted', (status) => light(status, 'journal') === 'False TLSVerificationFailed');
  await mailhold.put('gateway.yaml', gateway);
  await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
});

test('a port that is taken shows in the light, and heals by itself when it is free', async (t) => {
  const mailhold = await standaloneFolder(t);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(mailhold.port, '127.0.0.1', resolve));
  await mailhold.put('journal.yaml', connectionManifest('journal', SMTP));
  try {
    await mailhold.start();
    await mailhold.until('no port', (status) => light(status, 'journal') === 'False ListenFailed');
    assert.match(message(mailhold.status(), 'journal'), new RegExp(String(mailhold.port)));
  } finally {
    other.close();
  }
  await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
});
