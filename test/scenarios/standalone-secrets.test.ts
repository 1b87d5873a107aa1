import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Dovecot, dovecotMissing, startDovecot } from '../peers/dovecot.ts';
import { startImapServer } from '../peers/imap-server/server.ts';
import { connectionManifest, light, message, type RunningStandalone, standaloneFolder } from './running-standalone.ts';

const PASSWORD = 'correct horse';
const WRONG = 'battery staple';

async function withMailbox(t: TestContext): Promise<{ dovecot: Dovecot; mailhold: RunningStandalone }> {
  const dovecot = await startDovecot({ users: { keeper: PASSWORD } });
  t.after(() => dovecot[Symbol.asyncDispose]());
  const mailhold = await standaloneFolder(t, { secrets: [PASSWORD, WRONG], env: { MAILBOX_PASSWORD: PASSWORD } });
  return { dovecot, mailhold };
}

function mailbox(dovecot: Pick<Dovecot, 'host' | 'imapsPort' | 'certificate'>, passwordRef: object): string {
  return connectionManifest('mailbox', {
    method: 'IMAP',
    imap: {
      host: dovecot.host,
      port: dovecot.imapsPort,
      caBundle: dovecot.certificate,
      user: 'keeper',
      passwordRef,
      // Long, so that what heals here heals by the change and not by the next poll.
      pollInterval: '1h',
    },
  });
}

test('a mailbox turns green and its mail is archived', { skip: dovecotMissing }, async (t) => {
  const { dovecot, mailhold } = await withMailbox(t);
  await dovecot.fill('keeper', [
    Buffer.from('Subject: one\r\n\r\nbody\r\n'),
    Buffer.from('Subject: two\r\n\r\nbody\r\n'),
  ]);
  await mailhold.put('mailbox.yaml', mailbox(dovecot, { env: 'MAILBOX_PASSWORD', host: 'localhost' }));
  await mailhold.start();
  await mailhold.until('green', (status) => light(status, 'mailbox') === 'True Succeeded');
  await mailhold.until('archived', ({ connections }) => connections[0]?.status?.counts?.stored === 2);
  assert.match(
    message(mailhold.status(), 'mailbox', 'Tested'),
    /resolve, connect, tls, greet, authenticate, select, read/,
  );
});

test('a missing secret is told, and healed by its appearance alone', { skip: dovecotMissing }, async (t) => {
  const { dovecot, mailhold } = await withMailbox(t);
  await mailhold.put('mailbox.yaml', mailbox(dovecot, { file: 'password', host: 'localhost' }));
  await mailhold.start();
  await mailhold.until('missing', (status) => light(status, 'mailbox') === 'False SecretNotFound');
  assert.match(message(mailhold.status(), 'mailbox'), /The file password does not exist/);

  const answer = await fetch(`${mailhold.url()}/test?name=mailbox`, { method: 'POST' });
  assert.match(await answer.text(), /The file password does not exist/);

  await writeFile(join(mailhold.folder, 'password'), '\n');
  await mailhold.until('empty', (status) => light(status, 'mailbox') === 'False SecretKeyMissing');
  await writeFile(join(mailhold.folder, 'password'), `${PASSWORD}\n`);
  await mailhold.until('green', (status) => light(status, 'mailbox') === 'True Succeeded');
  await rm(join(mailhold.folder, 'password'));
  await mailhold.until('missing again', (status) => light(status, 'mailbox') === 'False SecretNotFound');
});

test('a refused login shows the words of the server, and a mended password heals it', {
  skip: dovecotMissing,
}, async (t) => {
  const { dovecot, mailhold } = await withMailbox(t);
  await writeFile(join(mailhold.folder, 'password'), WRONG);
  await mailhold.put('mailbox.yaml', mailbox(dovecot, { file: 'password', host: 'localhost' }));
  await mailhold.start();
  await mailhold.until('refused', (status) => light(status, 'mailbox') === 'False AuthenticationFailed');
  assert.match(message(mailhold.status(), 'mailbox'), /localhost refused the login: .*AUTHENTICATIONFAILED/);
  const begun = performance.now();
  await writeFile(join(mailhold.folder, 'password'), PASSWORD);
  await mailhold.until('green', (status) => light(status, 'mailbox') === 'True Succeeded');
  t.diagnostic(
    `mended password to green: ${(performance.now() - begun).toFixed(0)} ms, with the wait that Dovecot puts before a login after a refused one`,
  );
});

test('a password goes only to the host that its reference names', { skip: dovecotMissing }, async (t) => {
  const { dovecot, mailhold } = await withMailbox(t);
  await mailhold.put('mailbox.yaml', mailbox(dovecot, { env: 'MAILBOX_PASSWORD', host: 'imap.contoso.com' }));
  await mailhold.start();
  await mailhold.until('not for this host', (status) => light(status, 'mailbox') === 'False SecretNotForHost');
  await mailhold.put(
    'mailbox.yaml',
    mailbox(dovecot, { env: 'MAILBOX_PASSWORD', host: 'imap.contoso.com, localhost' }),
  );
  await mailhold.until('green', (status) => light(status, 'mailbox') === 'True Succeeded');
});

test('a test on request reads the secret anew, also from a variable', async (t) => {
  const users = { keeper: PASSWORD };
  const server = await startImapServer({ users });
  t.after(() => server[Symbol.asyncDispose]());
  const mailhold = await standaloneFolder(t, { secrets: [PASSWORD, WRONG], env: { MAILBOX_PASSWORD: PASSWORD } });
  await mailhold.put(
    'mailbox.yaml',
    mailbox(
      { host: server.host, imapsPort: server.port, certificate: server.certificate },
      { env: 'MAILBOX_PASSWORD', host: 'localhost' },
    ),
  );
  await mailhold.start();
  await mailhold.until('green', (status) => light(status, 'mailbox') === 'True Succeeded');
  // Nobody tells of a changed variable, and a healthy secret is read again after five minutes only.
  users.keeper = WRONG;
  mailhold.env.MAILBOX_PASSWORD = WRONG;
  const answer = await fetch(`${mailhold.url()}/test?name=mailbox`, { method: 'POST' });
  const events = (await answer.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(events.at(-1).attempt.fault, undefined);
  assert.equal(events.at(-1).attempt.trigger, 'request');
});
