import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReceiverConnection, ReceiverGroup } from '../process/contract.ts';
import { FaultError } from '../process/fault-error.ts';
import { Client } from './testing/client.ts';
import type { MemoryLog } from './testing/memory-log.ts';
import {
  addressOf,
  entry,
  eventually,
  movableClock,
  type Running,
  startReceiver,
  testGroup,
} from './testing/receiver.ts';
import type { Timeouts } from './timeouts.ts';

const TO = `RCPT TO:<${addressOf('a')}>`;
const full = new FaultError('ArchiveFull', 'later', 'The disk is full.');
const broken = new FaultError('ArchiveNotWritable', 'later', 'The disk is broken.');
const limits = testGroup().limits;

interface Case {
  name: string;
  entry?: Partial<ReceiverConnection>;
  group?: Partial<ReceiverGroup>;
  prepare?: (log: MemoryLog) => void;
  /** Commands behind the second EHLO; the last one's reply is compared. */
  say: string[];
  reply: string;
  /** How the refusal shows in the connection's facts; true: as the reply's beginning. */
  counted?: boolean;
}

/** The table of replies in the design, then what the protocol itself asks for. */
const cases: Case[] = [
  {
    name: 'an address that is not ours',
    say: ['MAIL FROM:<>', 'RCPT TO:<joe@in.archive.example.com>'],
    reply: '550 5.1.1',
  },
  { name: 'an unknown address of ours', say: ['MAIL FROM:<>', `RCPT TO:<${addressOf('gone')}>`], reply: '450 4.2.1' },
  { name: 'disabled', entry: { state: 'Disabled' }, say: ['MAIL FROM:<>', TO], reply: '450 4.2.1', counted: true },
  {
    name: 'disabled, Reject',
    entry: { state: 'Disabled', whenDisabled: 'Reject' },
    say: ['MAIL FROM:<>', TO],
    reply: '550 5.2.1',
    counted: true,
  },
  {
    name: 'outside the ranges',
    entry: { senderRanges: ['192.0.2.0/24'] },
    say: ['MAIL FROM:<>', TO],
    reply: '450 4.7.1',
    counted: true,
  },
  {
    name: 'outside the ranges, Reject',
    entry: { senderRanges: ['192.0.2.0/24'], outsideRanges: 'Reject' },
    say: ['MAIL FROM:<>', TO],
    reply: '550 5.7.1',
    counted: true,
  },
  { name: 'too big by SIZE', say: ['MAIL FROM:<> SIZE=99999999', TO], reply: '552 5.3.4', counted: true },
  {
    name: 'too big by DATA',
    group: { limits: { ...limits, messageBytes: 10 } },
    say: ['MAIL FROM:<>', TO, 'DATA', '0123456789\r\n.'],
    reply: '552 5.3.4',
    counted: true,
  },
  {
    name: 'too big by BDAT',
    group: { limits: { ...limits, messageBytes: 10 } },
    say: ['MAIL FROM:<>', TO, 'BDAT 14\r\n012345678901'],
    reply: '552 5.3.4',
    counted: true,
  },
  {
    name: 'chunks behind one that was too big',
    group: { limits: { ...limits, messageBytes: 1 } },
    say: ['MAIL FROM:<>', TO, 'BDAT 4\r\n01', 'BDAT 4 LAST\r\n01'],
    reply: '503 5.5.1',
  },
  {
    name: 'sessions of the connection',
    group: { limits: { ...limits, sessionsPerConnection: 0 } },
    say: ['MAIL FROM:<>', TO],
    reply: '452 4.3.1',
    counted: true,
  },
  {
    name: 'the archive is full at DATA',
    prepare: (log) => log.refuseBegin(full),
    say: ['MAIL FROM:<>', TO, 'DATA'],
    reply: '452 4.3.1',
    counted: true,
  },
  {
    name: 'the archive is full at BDAT',
    prepare: (log) => log.refuseBegin(full),
    say: ['MAIL FROM:<>', TO, 'BDAT 2 LAST\r\n'],
    reply: '452 4.3.1',
    counted: true,
  },
  {
    name: 'the archive is full at the commit',
    prepare: (log) => log.refuseCommit(full),
    say: ['MAIL FROM:<>', TO, 'DATA', 'x\r\n.'],
    reply: '452 4.3.1',
    counted: true,
  },
  {
    name: 'the archive fails at DATA',
    prepare: (log) => log.refuseBegin(broken),
    say: ['MAIL FROM:<>', TO, 'DATA'],
    reply: '451 4.3.0',
    counted: true,
  },
  {
    name: 'the archive fails at the commit',
    prepare: (log) => log.refuseCommit(broken),
    say: ['MAIL FROM:<>', TO, 'BDAT 1 LAST\r\nx'.slice(0, -1)],
    reply: '451 4.3.0',
    counted: true,
  },
  {
    name: 'too many recipients',
    group: { limits: { ...limits, recipientsPerTransaction: 1 } },
    say: ['MAIL FROM:<>', TO, TO],
    reply: '452 4.5.3',
  },
  { name: 'the null reverse-path', say: ['MAIL FROM:<>'], reply: '250 2.1.0' },
  { name: 'a recipient', say: ['MAIL FROM:<>', TO], reply: '250 2.1.5' },
  { name: 'RCPT before MAIL', say: [TO], reply: '503 5.5.1' },
  { name: 'MAIL twice', say: ['MAIL FROM:<>', 'MAIL FROM:<>'], reply: '503 5.5.1' },
  { name: 'MAIL again after RSET', say: ['MAIL FROM:<>', 'RSET', 'MAIL FROM:<>'], reply: '250 2.1.0' },
  { name: 'MAIL again after EHLO', say: ['MAIL FROM:<>', 'HELO x', 'MAIL FROM:<>'], reply: '250 2.1.0' },
  { name: 'DATA before MAIL', say: ['DATA'], reply: '503 5.5.1' },
  { name: 'DATA without a recipient', say: ['MAIL FROM:<>', 'DATA'], reply: '503 5.5.1' },
  { name: 'DATA', say: ['MAIL FROM:<>', TO, 'DATA'], reply: '354 End d' },
  { name: 'BDAT before MAIL, its bytes skipped', say: ['BDAT 6\r\nNOOP', 'NOOP'], reply: '250 2.0.0' },
  { name: 'BDAT before MAIL', say: ['BDAT 6 LAST\r\nNOOP'], reply: '503 5.5.1' },
  { name: 'BDAT of an unreadable size', say: ['BDAT x'], reply: '501 5.5.4' },
  { name: 'DATA behind BDAT', say: ['MAIL FROM:<>', TO, 'BDAT 2\r\n', 'DATA'], reply: '503 5.5.1' },
  { name: 'RCPT behind BDAT', say: ['MAIL FROM:<>', TO, 'BDAT 2\r\n', TO], reply: '503 5.5.1' },
  { name: 'DATA of BINARYMIME', say: ['MAIL FROM:<> BODY=BINARYMIME', TO, 'DATA'], reply: '503 5.5.1' },
  { name: 'BDAT of BINARYMIME', say: ['MAIL FROM:<> BODY=BINARYMIME', TO, 'BDAT 2 LAST\r\n'], reply: '250 2.0.0' },
  { name: 'an unknown parameter of MAIL', say: ['MAIL FROM:<> RET=HDRS'], reply: '555 5.5.4' },
  { name: 'an unknown parameter of RCPT', say: ['MAIL FROM:<>', `${TO} NOTIFY=NEVER`], reply: '555 5.5.4' },
  { name: 'UTF-8 without SMTPUTF8', say: ['MAIL FROM:<\u00c3\u00a9@x.org>'], reply: '553 5.6.7' },
  { name: 'UTF-8 with SMTPUTF8', say: ['MAIL FROM:<\u00c3\u00a9@x.org> SMTPUTF8'], reply: '250 2.1.0' },
  { name: 'NOOP', say: ['NOOP with words'], reply: '250 2.0.0' },
  { name: 'VRFY', say: ['VRFY joe'], reply: '252 2.5.0' },
  { name: 'EXPN', say: ['EXPN list'], reply: '502 5.5.1' },
  { name: 'HELP', say: ['HELP'], reply: '214 2.0.0' },
  { name: 'AUTH', say: ['AUTH PLAIN'], reply: '502 5.5.1' },
  { name: 'an unknown command', say: ['XYZZY'], reply: '500 5.5.2' },
  { name: 'an empty line', say: [''], reply: '500 5.5.2' },
  { name: 'EHLO without a name', say: ['EHLO'], reply: '501 5.5.4' },
  { name: 'a bare LF in a command', say: [`RCPT TO:<a@b>\nDATA`], reply: '500 5.5.2' },
  { name: 'a command line of 3,000 bytes', say: [`MAIL FROM:<${'a'.repeat(3_000)}>`], reply: '500 5.5.6' },
  { name: 'STARTTLS within TLS', say: ['STARTTLS'], reply: '503 5.5.1' },
  { name: 'QUIT', say: ['QUIT'], reply: '221 2.0.0' },
  { name: 'more errors than a sender makes', say: Array.from({ length: 21 }, () => 'XYZZY'), reply: '500 5.5.2' },
];

for (const { name, entry: changes, group, prepare, say, reply, counted } of cases) {
  test(`${reply}: ${name}`, async () => {
    await using running = await startReceiver([entry('a', changes)], { ...(group && { group }) });
    prepare?.(running.log);
    const client = await Client.secure(running.port);
    let last = '';
    for (const line of say) last = (await client.command(line)).text;
    assert.equal(last.slice(0, 9), reply);
    if (counted) {
      const { refusals } = running.board.get('a')?.facts ?? { refusals: [] };
      assert.equal(refusals.length, 1);
      assert.partialDeepStrictEqual(refusals[0], { reply: last, count: 1, lastPeer: '127.0.0.1' });
      assert.match(await running.registry.metrics(), new RegExp(`refusals_total\\{reply="${reply}[^"]*"\\} 1`));
    }
    const { counts } = running.board.get('a')?.facts ?? {};
    const ended = (counts?.stored ?? 0) + (counts?.deferred ?? 0) + (counts?.rejected ?? 0) + (counts?.cut ?? 0);
    if (!['354 End d'].includes(reply) && !say.some((line) => line.startsWith('BDAT 2\r\n'))) {
      assert.equal(counts?.begun, ended, 'what began has ended');
    }
    client.destroy();
  });
}

/** Greeted and behind EHLO, in clear text. */
async function clearText(running: Running): Promise<Client> {
  const client = await Client.connect(running.port);
  await client.reply();
  await client.command('EHLO x');
  return client;
}

test('530 where TLS is offered and not used, for every command that could begin a message', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await clearText(running);
  for (const line of ['MAIL FROM:<>', TO, 'DATA', 'BDAT 0 LAST']) {
    assert.equal((await client.command(line)).text.slice(0, 9), '530 5.7.0', line);
  }
  client.destroy();
});

test('451 instead of 530 within the hour after a failed handshake of the same peer, which is a fact', async () => {
  await using running = await startReceiver([entry('a')]);
  const failing = await clearText(running);
  await failing.command('STARTTLS');
  failing.send('no TLS record at all');
  await failing.closed();
  await eventually(() => running.board.group.failedHandshakes.length === 1, 'the handshake is known');
  assert.partialDeepStrictEqual(running.board.group.failedHandshakes[0], { peer: '127.0.0.1', count: 1 });
  const again = await clearText(running);
  assert.equal((await again.command('MAIL FROM:<>')).text.slice(0, 9), '451 4.7.0');
  again.destroy();
});

test('a handshake below TLS 1.2 fails', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await clearText(running);
  await client.command('STARTTLS');
  // The cipher string allows the client itself to offer 1.1 with OpenSSL 3.
  await assert.rejects(client.wrap({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
  await eventually(() => running.board.group.failedHandshakes.length === 1, 'the handshake is known');
});

test('where the certificate is unusable nothing is lost: STARTTLS is not offered, mail is deferred, and the group says why', async () => {
  const certificate = { certificate: 'no PEM', privateKey: 'no PEM', issuedByUs: false };
  await using running = await startReceiver([entry('a')], { group: { certificate } });
  assert.equal(running.board.group.fault?.code, 'CertificateInvalid');
  assert.equal(running.board.group.ready, false);
  const client = await Client.connect(running.port);
  await client.reply();
  assert.ok(!(await client.command('EHLO x')).text.includes('STARTTLS'));
  assert.equal((await client.command('STARTTLS')).text.slice(0, 9), '454 4.7.0');
  assert.equal((await client.command('MAIL FROM:<>')).text.slice(0, 9), '451 4.7.0');
  client.destroy();
  // Repaired without a restart.
  await running.serve([entry('a')], { certificate: testGroup().certificate });
  assert.equal(running.board.group.fault, undefined);
  assert.equal(running.board.group.ready, true);
  (await Client.secure(running.port)).destroy();
});

test("451 where TLS is below the connection's floor", async () => {
  await using running = await startReceiver([entry('a', { minimumTLS: 'TLSv1.3' })]);
  const old = await Client.secure(running.port, 'x', { maxVersion: 'TLSv1.2' });
  await old.command('MAIL FROM:<>');
  assert.equal((await old.command(TO)).text.slice(0, 9), '451 4.7.0');
  old.destroy();
  const current = await Client.secure(running.port, 'x');
  await current.command('MAIL FROM:<>');
  assert.equal((await current.command(TO)).code, 250);
  current.destroy();
});

test('an unknown address of ours is an alarm of the group', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await Client.secure(running.port);
  await client.command('MAIL FROM:<>');
  await client.command(`RCPT TO:<${addressOf('gone')}>`);
  assert.partialDeepStrictEqual(running.board.group.unknownRecipients, { count: 1, lastPeer: '127.0.0.1' });
  client.destroy();
});

test('421 to sessions over the limits, of the process and of a peer that has named no recipient yet', async () => {
  await using running = await startReceiver([entry('a')], {
    group: { limits: { ...limits, sessions: 3, sessionsPerPeer: 1 } },
  });
  const first = await Client.secure(running.port);
  const second = await Client.connect(running.port);
  assert.equal((await second.reply()).text.slice(0, 9), '421 4.7.0');
  await second.closed();
  await first.command('MAIL FROM:<>');
  await first.command(TO);
  const third = await Client.secure(running.port);
  await third.command('MAIL FROM:<>');
  await third.command(TO);
  const fourth = await Client.connect(running.port);
  assert.equal((await fourth.reply()).code, 220);
  await fourth.command('EHLO x');
  const fifth = await Client.connect(running.port);
  assert.equal((await fifth.reply()).text.slice(0, 9), '421 4.3.2');
  for (const client of [first, second, third, fourth, fifth]) client.destroy();
  await eventually(() => !running.lines.every(({ event }) => event !== 'session-ended'), 'sessions end');
});

test('452 where one connection holds half of the bytes in flight, while another still gets in', async () => {
  await using running = await startReceiver([entry('a'), entry('b')], {
    group: { limits: { ...limits, bytesInFlight: 200_000 } },
  });
  const codes: string[] = [];
  const clients: Client[] = [];
  for (const seed of ['a', 'a', 'b']) {
    const client = await Client.secure(running.port);
    clients.push(client);
    await client.command('MAIL FROM:<> SIZE=90000');
    await client.command(`RCPT TO:<${addressOf(seed)}>`);
    codes.push((await client.command('DATA')).text.slice(0, 3));
  }
  assert.deepEqual(codes, ['354', '452', '354']);
  for (const client of clients) client.destroy();
});

const MINUTE = 60_000;

/** What the peer sends, how far the clock goes on then, and what it is told. */
const timeoutCases: [string, string, number, Partial<Timeouts>, string][] = [
  ['a command that does not come', '', 5 * MINUTE, {}, '421 4.4.2'],
  ['a command line that does not end', 'MAIL', 5 * MINUTE, {}, '421 4.4.2'],
  [
    'a message that stops',
    `MAIL FROM:<>\r\n${TO}\r\nDATA\r\nabc`,
    3 * MINUTE,
    { rateWindow: 60 * MINUTE },
    '421 4.4.2',
  ],
  ['a message that trickles', `MAIL FROM:<>\r\n${TO}\r\nDATA\r\nabc`, MINUTE, {}, '421 4.4.2'],
  [
    'a message that takes too long',
    `MAIL FROM:<>\r\n${TO}\r\nBDAT 9\r\nabc`,
    30 * MINUTE,
    { dataIdle: 60 * MINUTE, rateBytes: 0 },
    '421 4.4.2',
  ],
];
for (const [name, input, ms, timeouts, reply] of timeoutCases) {
  test(`${reply}: ${name}`, async () => {
    const clock = movableClock();
    await using running = await startReceiver([entry('a')], { clock, options: { sweepMs: 5, timeouts } });
    const client = await Client.secure(running.port);
    const begins = input.includes('abc');
    if (input !== '') client.send(input);
    if (begins) {
      for (let replies = input.includes('BDAT') ? 2 : 3; replies > 0; replies -= 1) await client.reply();
      await eventually(() => running.board.get('a')?.facts.counts.begun === 1, 'the message begins');
    }
    clock.advance(ms);
    assert.equal((await client.reply()).text.slice(0, 9), reply);
    await client.closed();
    assert.equal(running.board.get('a')?.facts.counts.deferred, begins ? 1 : 0);
    client.destroy();
  });
}

test('a peer that sends one byte now and then within a command is cut off all the same', async () => {
  const clock = movableClock();
  await using running = await startReceiver([entry('a')], { clock, options: { sweepMs: 5 } });
  const client = await Client.connect(running.port);
  await client.reply();
  const ended = client.closed().then(() => true);
  for (let cut = false; !cut; cut = await Promise.race([ended, nextTurn()])) {
    client.send('N');
    clock.advance(MINUTE);
  }
  client.destroy();
});

test('a handshake that does not come, and a peer that does not close, are cut', async () => {
  const clock = movableClock();
  await using running = await startReceiver([entry('a')], { clock, options: { sweepMs: 5 } });
  const silent = await clearText(running);
  await silent.command('STARTTLS');
  clock.advance(30_000);
  await silent.closed();
  await eventually(() => running.board.group.failedHandshakes.length === 1, 'the handshake is known');
  const staying = await clearText(running);
  await staying.command('QUIT');
  clock.advance(5_000);
  await eventually(
    () => running.lines.filter(({ event }) => event === 'session-ended').length === 2,
    'both sessions are over',
  );
  silent.destroy();
  staying.destroy();
});

/** Lets sockets and timers have their turn. */
async function nextTurn(): Promise<false> {
  await new Promise((resolve) => setTimeout(resolve, 1));
  return false;
}
