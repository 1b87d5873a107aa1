import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../peers/free-port.ts';
import { startImapServer } from '../peers/imap-server/server.ts';
import { connectionManifest, light, message, standaloneFolder } from './running-standalone.ts';

const PASSWORD = 'correct horse';

/** What the owner got wrong, the light it must come to, and what its message must say. */
interface Case {
  name: string;
  imap: { host?: string; port?: number; caBundle?: undefined; folder?: string };
  ready: string;
  stage: string;
  says: RegExp;
}

test('each mistake in a connection shows in its own light, in words, and the one without any is green', async (t) => {
  const mailhold = await standaloneFolder(t, { secrets: [PASSWORD], env: { MAILBOX_PASSWORD: PASSWORD } });
  // A user for each, since two connections to one mailbox are a conflict.
  const names = ['wrong-host', 'closed-port', 'not-trusted', 'another-name', 'no-such-folder', 'right'];
  await using server = await startImapServer({ users: Object.fromEntries(names.map((name) => [name, PASSWORD])) });
  const closed = await freePort();
  const cases: Case[] = [
    {
      name: 'wrong-host',
      // RFC 6761 6.4: never a name.
      imap: { host: 'imap.contoso.invalid' },
      ready: 'False DNSFailed',
      stage: 'resolve',
      says: /imap\.contoso\.invalid/,
    },
    {
      name: 'closed-port',
      imap: { port: closed },
      ready: 'False ConnectionRefused',
      stage: 'connect',
      says: new RegExp(`localhost.*${closed}`),
    },
    {
      name: 'not-trusted',
      imap: { caBundle: undefined },
      ready: 'False TLSVerificationFailed',
      stage: 'tls',
      says: /localhost.*self-signed/,
    },
    {
      name: 'another-name',
      imap: { host: '127.0.0.1' },
      ready: 'False TLSVerificationFailed',
      stage: 'tls',
      says: /127\.0\.0\.1 is not in the cert's list/,
    },
    {
      name: 'no-such-folder',
      imap: { folder: 'Journal' },
      ready: 'False FolderNotFound',
      stage: 'select',
      says: /There is no folder Journal|no folder "Journal"/,
    },
  ];
  const right = { host: 'localhost', port: server.port, caBundle: server.certificate, pollInterval: '1s' };
  for (const name of names) {
    const imap = { ...right, user: name, ...cases.find((it) => it.name === name)?.imap };
    const spec = { method: 'IMAP', imap: { ...imap, passwordRef: { env: 'MAILBOX_PASSWORD', host: imap.host } } };
    await mailhold.put(`${name}.yaml`, connectionManifest(name, spec));
  }
  await mailhold.start();
  for (const { name, ready, stage, says } of cases) {
    await mailhold.until(`${name}: ${ready}`, (status) => light(status, name) === ready);
    const status = mailhold.status();
    assert.equal(light(status, name, 'Tested'), ready, name);
    assert.match(message(status, name), says);
    assert.match(message(status, name, 'Tested'), new RegExp(`^Stage ${stage}: `), name);
    assert.equal(light(status, name, 'Failed')?.split(' ')[0], 'True', name);
  }
  await mailhold.until('green', (status) => light(status, 'right') === 'True Succeeded');
});
