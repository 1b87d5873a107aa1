import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusedLogin } from '../../test/peers/imap-server/faults/refused-login.ts';
import { deliver } from '../../test/peers/imap-server/mailbox.ts';
import { startImapServer } from '../../test/peers/imap-server/server.ts';
import { jsonLogger } from '../process/logger.ts';
import { startPollerRig } from './rig.ts';

test('a line per message and per poll says what happened, without content and without secrets', async () => {
  const lines: Record<string, unknown>[] = [];
  const logger = jsonLogger((line) => lines.push(JSON.parse(line) as Record<string, unknown>), Date.now);
  await using server = await startImapServer({ users: { ann: 'pass-word' } });
  await using rig = await startPollerRig({ logger });
  deliver(server.inbox, 'Subject: for nobody else\r\n\r\nprivate');
  const entry = { port: server.port, caBundle: server.certificate, password: 'pass-word', pollIntervalMs: 30 };
  await rig.serve(entry);
  await rig.until('u1', () => lines.some(({ event }) => event === 'poll'));
  server.setFault(refusedLogin('NO [UNAVAILABLE] not now'));
  await rig.until('u1', () => lines.some(({ event }) => event === 'poll-failed'));

  const stored = lines.find(({ event }) => event === 'message-stored');
  const [record] = await rig.archived();
  assert.deepEqual(
    { ...stored, time: undefined, ms: undefined },
    {
      time: undefined,
      level: 'info',
      event: 'message-stored',
      connection: 'contoso/journal',
      peer: '127.0.0.1',
      folder: 'INBOX',
      uidValidity: '1',
      uid: 1,
      size: record?.metadata.length,
      sha256: record?.metadata.sha256,
      writer: record?.position.writer,
      number: record?.position.number,
      ms: undefined,
    },
  );
  const poll = lines.find(({ event }) => event === 'poll');
  assert.deepEqual([poll?.connection, poll?.exists, poll?.waiting, poll?.stored], ['contoso/journal', 1, 1, 1]);
  const failed = lines.find(({ event }) => event === 'poll-failed');
  assert.deepEqual([failed?.stage, failed?.code], ['authenticate', 'ServerRefused']);
  assert.equal(failed?.text, 'NO [UNAVAILABLE] not now');
  assert.doesNotMatch(JSON.stringify(lines), /pass-word|private|for nobody/);
});
