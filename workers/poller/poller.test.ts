import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Dovecot, dovecotMissing, startDovecot } from '../../test/peers/dovecot.ts';
import type { PollerConnection } from '../process/contract.ts';
import { startPollerRig } from './rig.ts';

const options = dovecotMissing === undefined ? {} : { skip: dovecotMissing };
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const at = (dovecot: Dovecot): Partial<PollerConnection> => ({
  port: dovecot.imapsPort,
  caBundle: dovecot.certificate,
});

test('500 messages of a real Dovecot are archived byte for byte', options, async () => {
  await using dovecot = await startDovecot({ users: { ann: 'secret' } });
  await using rig = await startPollerRig();
  const messages = Array.from({ length: 500 }, (_, n) =>
    Buffer.from(`Subject: ${n}\r\n\r\n${'.line\r\n'.repeat(n)}${n % 3 ? 'no end of line' : ''}`),
  );
  await dovecot.fill('ann', messages);
  await rig.serve(at(dovecot));
  const facts = await rig.until('u1', ({ counts }) => counts.stored === 500);
  assert.equal(facts.attempt?.fault, undefined);
  await rig.until('u1', ({ source }) => source?.waiting === 0);
  const archived = await rig.archived();
  assert.deepEqual(archived.map(({ bytes }) => sha256(bytes)).sort(), messages.map(sha256).sort());
  const { capture } = archived[0]?.metadata ?? {};
  assert.ok(capture?.kind === 'imap' && capture.folder === 'INBOX');
  assert.match(capture.internalDate ?? '', /^\d\d-\w{3}-\d{4} \d\d:\d\d:\d\d [+-]\d{4}$/);
  const lists = await Promise.all(['new', 'cur'].map((part) => readdir(join(dovecot.maildir('ann'), part))));
  const names = lists.flat();
  assert.equal(names.length, 500);
  assert.ok(!names.some((name) => /:2,.*S/.test(name)), 'EXAMINE and PEEK mark no message as read');
  assert.ok(await readFile(join(rig.archive, 'cursors', 'u1.json'), 'utf8'));
});

test('messages with odd bytes are kept as Dovecot gives them', options, async () => {
  await using dovecot = await startDovecot({ users: { ann: 'secret' } });
  await using rig = await startPollerRig();
  // Dovecot itself sends CRLF for a bare LF and 0x80 for NUL; those are shown with the scripted server.
  const messages = [
    '\r\n',
    'x\r\n',
    'no header\r\n',
    'Subject: \xe4\xf6\xfc\xff\r\n\r\n8 bit \x80\x81\r\n',
    `${'long line '.repeat(100_000)}\r\n`,
    '.\r\n..\r\n.\r\n',
    'a bare\rCR\r\n',
    ')\r\nA1 OK done\r\n* BYE x\r\n',
  ].map((text) => Buffer.from(text, 'latin1'));
  await dovecot.fill('ann', messages);
  await rig.serve(at(dovecot));
  await rig.until('u1', ({ counts }) => counts.stored === messages.length);
  assert.deepEqual((await rig.archived()).map(({ bytes }) => sha256(bytes)).sort(), messages.map(sha256).sort());
});

test('a message of 30 MB streams through a budget of 4 MB', options, async () => {
  await using dovecot = await startDovecot({ users: { ann: 'secret' } });
  await using rig = await startPollerRig({ bytesInFlight: 4 * 1024 * 1024 });
  const line = Buffer.from(`${'0123456789'.repeat(7)}\r\n`);
  const large = Buffer.alloc(30 * 1024 * 1024 - ((30 * 1024 * 1024) % line.length), line);
  const small = Buffer.from('Subject: small\r\n\r\n');
  await dovecot.fill('ann', [large, small]);
  await rig.serve(at(dovecot));
  await rig.until('u1', ({ counts }) => counts.stored === 2);
  const digests = (await rig.archived()).map(({ bytes }) => sha256(bytes));
  assert.deepEqual(digests.sort(), [large, small].map(sha256).sort());
});

test('what a real Dovecot says of each thing that is wrong', options, async () => {
  await using dovecot = await startDovecot({ users: { ann: 'secret' } });
  await using rig = await startPollerRig();
  const cases = [
    [
      { password: 'wrong' },
      'authenticate',
      'AuthenticationFailed',
      /^NO \[AUTHENTICATIONFAILED\] Authentication failed/,
    ],
    [{ host: '127.0.0.1' }, 'tls', 'TLSVerificationFailed', /127\.0\.0\.1/],
    [{ port: 1 }, 'connect', 'ConnectionRefused', /Nothing accepts connections/],
    [{ folder: 'Nope' }, 'select', 'FolderNotFound', /^NO .*Mailbox doesn't exist: Nope/],
    [{ port: dovecot.starttlsPort }, 'tls', 'TLSFailed', /STARTTLS/],
  ] as const;
  await rig.serve(...cases.map(([entry], n) => ({ uid: `u${n}`, ...at(dovecot), ...entry })));
  for (const [n, [, stage, code, text]] of cases.entries()) {
    const { attempt, failingSince } = await rig.until(`u${n}`, (facts) => facts.attempt !== undefined);
    assert.deepEqual([attempt?.stages.at(-1)?.stage, attempt?.fault?.code], [stage, code]);
    assert.match(attempt?.stages.at(-1)?.text ?? '', text);
    assert.equal(failingSince, attempt?.startedAt);
  }
});

test('STARTTLS with a real Dovecot', options, async () => {
  await using dovecot = await startDovecot({ users: { ann: 'secret' } });
  await using rig = await startPollerRig();
  await dovecot.fill('ann', [Buffer.from('Subject: a\r\n\r\n')]);
  await rig.serve({ ...at(dovecot), port: dovecot.starttlsPort, security: 'STARTTLS' });
  await rig.until('u1', ({ counts }) => counts.stored === 1);
});

for (const maxSessions of [1, 2] as const) {
  test(`messages are deleted once they were read back, with ${maxSessions} sessions`, options, async () => {
    await using dovecot = await startDovecot({ users: { ann: 'secret' } });
    await using rig = await startPollerRig({ secondSessionFrom: 100 });
    const messages = Array.from({ length: 450 }, (_, n) => Buffer.from(`Subject: ${n}\r\n\r\n`));
    await dovecot.fill('ann', messages);
    await rig.serve({ ...at(dovecot), afterArchive: 'Delete', maxSessions, pollIntervalMs: 50 });
    await rig.until('u1', ({ counts }) => counts.deleted === 450);
    assert.equal(await dovecot.count('ann'), 0);
    assert.equal((await rig.archived()).length, 450);
    await dovecot.fill('ann', [Buffer.from('Subject: later\r\n\r\n')]);
    await rig.until('u1', ({ counts }) => counts.deleted === 451);
    assert.equal(await dovecot.count('ann'), 0);
  });
}

test('a Dovecot that allows one session per user is pulled over one', options, async () => {
  await using dovecot = await startDovecot({ users: { ann: 'secret' }, sessionsPerUser: 1 });
  await using rig = await startPollerRig({ secondSessionFrom: 1 });
  await dovecot.fill('ann', [Buffer.from('Subject: a\r\n\r\n'), Buffer.from('Subject: b\r\n\r\n')]);
  await rig.serve(at(dovecot));
  const facts = await rig.until('u1', ({ counts }) => counts.stored === 2);
  assert.equal(facts.attempt?.fault, undefined);
});

test('a password that changes is told at the next poll, and mended by a new entry at once', options, async () => {
  await using dovecot = await startDovecot({ users: { ann: 'secret' } });
  await using rig = await startPollerRig();
  await rig.serve({ ...at(dovecot), pollIntervalMs: 50 });
  await rig.until('u1', ({ attempt }) => attempt !== undefined && attempt.fault === undefined);
  await dovecot.setPassword('ann', 'another');
  await rig.until('u1', ({ attempt }) => attempt?.fault?.code === 'AuthenticationFailed');
  // After a refused login the next poll is an hour away, unless the entry changes.
  await rig.serve({ ...at(dovecot), pollIntervalMs: 50, password: 'another' });
  await rig.until('u1', ({ attempt, failingSince }) => attempt?.fault === undefined && failingSince === undefined);
});

test('a mailbox that Dovecot renumbers is compared with what is kept, not stored twice', options, async () => {
  await using dovecot = await startDovecot({ users: { ann: 'secret' } });
  await using rig = await startPollerRig();
  await dovecot.fill('ann', [Buffer.from('Subject: a\r\n\r\n'), Buffer.from('Subject: b\r\n\r\n')]);
  const entry = { ...at(dovecot), pollIntervalMs: 50 };
  await rig.serve(entry);
  const before = await rig.until('u1', ({ source }) => source?.waiting === 0);
  const { uidValidity } = before.source ?? {};
  await rig.serve({ ...entry, state: 'Disabled' });
  await dovecot.forgetUids('ann');
  await dovecot.fill('ann', [Buffer.from('Subject: c\r\n\r\n')]);
  await rig.serve(entry);
  await rig.until('u1', ({ source }) => source?.waiting === 0 && source.uidValidity !== uidValidity);
  assert.equal((await rig.archived()).length, 3);
});
