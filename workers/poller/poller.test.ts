import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { dovecotMissing, startDovecot } from '../../test/peers/dovecot.ts';
import { startPollerRig } from './rig.ts';

const options = dovecotMissing === undefined ? {} : { skip: dovecotMissing };
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('500 messages of a real Dovecot are archived byte for byte', options, async () => {
  await using dovecot = await startDovecot({ users: { ann: 'secret' } });
  await using rig = await startPollerRig();
  const messages = Array.from({ length: 500 }, (_, n) =>
    Buffer.from(`Subject: ${n}\r\n\r\n${'.line\r\n'.repeat(n)}${n % 3 ? 'no end of line' : ''}`),
  );
  await dovecot.fill('ann', messages);
  await rig.serve({ port: dovecot.imapsPort, caBundle: dovecot.certificate });
  const facts = await rig.until('u1', ({ counts }) => counts.stored === 500);
  assert.equal(facts.attempt?.fault, undefined);
  await rig.until('u1', ({ source }) => source?.waiting === 0);
  const archived = await rig.archived();
  assert.deepEqual(archived.map(({ bytes }) => sha256(bytes)).sort(), messages.map(sha256).sort());
  const { capture } = archived[0]?.metadata ?? {};
  assert.ok(
    capture?.kind === 'imap' && capture.folder === 'INBOX' && /^\d+-\w{3}-\d{4} /.test(capture.internalDate ?? ''),
  );
  assert.equal(await dovecot.count('ann'), 500);
  const names = await readdir(join(dovecot.maildir('ann'), 'cur'));
  assert.ok(!names.some((name) => /:2,.*S/.test(name)), 'EXAMINE and PEEK mark no message as read');
  assert.ok(await readFile(join(rig.archive, 'cursors', 'u1.json'), 'utf8'));
});
