import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImapFault } from '../../test/peers/imap-server/fault.ts';
import { byeAt } from '../../test/peers/imap-server/faults/bye.ts';
import { oneSession } from '../../test/peers/imap-server/faults/one-session.ts';
import { quotedBody } from '../../test/peers/imap-server/faults/quoted-body.ts';
import { stallAt } from '../../test/peers/imap-server/faults/stall.ts';
import { truncatedLiteral } from '../../test/peers/imap-server/faults/truncated-literal.ts';
import { deliver, newMailbox } from '../../test/peers/imap-server/mailbox.ts';
import { startImapServer } from '../../test/peers/imap-server/server.ts';
import { startPollerRig } from './rig.ts';

const SHORT = { silenceMs: 800 };
const texts = (messages: readonly { bytes: Buffer }[]): string[] =>
  messages.map(({ bytes }) => bytes.toString('latin1')).sort();

test('messages with every odd byte are kept as they are', async () => {
  await using server = await startImapServer();
  const odd = [
    '',
    'x',
    '\r\n',
    'no header at all',
    'Subject: 8 bit \xe4\xf6\xfc\xff\r\n\r\n\x00NUL\x00\r\n',
    'bare LF\nand bare CR\rin it\n',
    `${'long line '.repeat(100_000)}\r\n`,
    '.\r\n..\r\n.',
    ')\r\nM1 OK done\r\n* BYE x\r\n* 1 FETCH (UID 99 BODY[] {3}\r\nabc)\r\n',
    Buffer.from(Array.from({ length: 65_536 }, (_, n) => n * 7)).toString('latin1'),
  ];
  deliver(server.inbox, ...odd);
  await using rig = await startPollerRig();
  await rig.serve({ port: server.port, caBundle: server.certificate });
  await rig.until('u1', ({ source }) => source?.waiting === 0);
  const archived = await rig.archived();
  assert.deepEqual(texts(archived), [...odd].sort());
});

test('a poll that finds new mail pulls only that, and none of what was archived before', async () => {
  await using server = await startImapServer();
  await using rig = await startPollerRig();
  deliver(server.inbox, 'one', 'two');
  await rig.serve({ port: server.port, caBundle: server.certificate, pollIntervalMs: 30 });
  await rig.until('u1', ({ counts }) => counts.stored === 2);
  deliver(server.inbox, 'three');
  await rig.until('u1', ({ counts, source }) => counts.stored === 3 && source?.uidNext === 4);
  // `4:*` names message 3, which is the last; it must not be taken again.
  const polls = server.transcript.filter((line) => line === 'UID SEARCH UID 4:*').length;
  await rig.until('u1', () => server.transcript.filter((line) => line === 'UID SEARCH UID 4:*').length > polls + 2);
  assert.deepEqual(texts(await rig.archived()), ['one', 'three', 'two']);
  assert.equal(rig.board.get('u1')?.facts.counts.begun, 3);
});

test('UIDs far apart and near 2^32 cost as many commands as messages few', async () => {
  const inbox = newMailbox(7, 743_024_218);
  deliver(inbox, 'a', 'b');
  inbox.uidNext = 2_147_483_647;
  deliver(inbox, 'c', 'd');
  inbox.uidNext = 4_294_967_295;
  deliver(inbox, 'e');
  await using server = await startImapServer({ folders: { INBOX: inbox } });
  await using rig = await startPollerRig();
  await rig.serve({ port: server.port, caBundle: server.certificate });
  await rig.until('u1', ({ counts }) => counts.stored === 5);
  const fetches = server.transcript.filter((line) => line.startsWith('UID FETCH'));
  assert.deepEqual(fetches, [
    'UID FETCH 743024218:743024219,2147483647:2147483648,4294967295 (UID INTERNALDATE BODY.PEEK[])',
  ]);
});

test('a message that goes away between listing and fetching is no failure', async () => {
  const expunge: ImapFault = {
    command: ({ name, args }) => {
      if (name === 'UID FETCH' && args.includes('INTERNALDATE')) server.inbox.messages.splice(1, 1);
      return false;
    },
  };
  await using server = await startImapServer({ fault: expunge });
  await using rig = await startPollerRig();
  deliver(server.inbox, 'one', 'two', 'three');
  await rig.serve({ port: server.port, caBundle: server.certificate, pollIntervalMs: 30 });
  const facts = await rig.until('u1', ({ counts, source }) => counts.stored === 2 && source?.waiting === 0);
  assert.equal(facts.attempt?.fault, undefined);
});

test('a message in a quoted string is kept like any other', async () => {
  await using server = await startImapServer({ fault: quotedBody() });
  await using rig = await startPollerRig();
  deliver(server.inbox, 'say "hi" \\ there', '', 'with\r\nlines');
  await rig.serve({ port: server.port, caBundle: server.certificate });
  await rig.until('u1', ({ counts }) => counts.stored === 3);
  assert.deepEqual(texts(await rig.archived()), ['', 'say "hi" \\ there', 'with\r\nlines']);
});

for (const [then, sent, words] of [
  ['close', 60, /broke/],
  ['stall', 60, /stopped sending/],
  ['go-on', 98, /broken frame/],
] as const) {
  test(`of a message that is cut short (${then}) nothing is kept, and the others come all the same`, async () => {
    await using server = await startImapServer({ fault: truncatedLiteral(2, sent, then) });
    await using rig = await startPollerRig({ timeouts: SHORT, bytesInFlight: 200 });
    const long = 'z'.repeat(100);
    deliver(server.inbox, 'one', long, 'three', 'four');
    await rig.serve({ port: server.port, caBundle: server.certificate, pollIntervalMs: 30 });
    const facts = await rig.until('u1', ({ counts, attempt }) => counts.stored === 3 && attempt?.fault !== undefined);
    assert.match(facts.attempt?.fault?.message ?? '', words);
    assert.deepEqual([facts.attempt?.stages.at(-1)?.stage, facts.attempt?.stages.at(-1)?.ok], ['read', false]);
    assert.deepEqual(texts(await rig.archived()), ['four', 'one', 'three']);
    server.setFault({});
    await rig.until('u1', ({ counts, source }) => counts.stored === 4 && source?.waiting === 0);
    assert.deepEqual(texts(await rig.archived()), ['four', 'one', 'three', long]);
  });
}

for (const maxSessions of [1, 2] as const) {
  test(`a server that allows one session is pulled over that one, with ${maxSessions} asked for`, async () => {
    await using server = await startImapServer({ fault: oneSession() });
    await using rig = await startPollerRig({ secondSessionFrom: 1 });
    deliver(server.inbox, 'one', 'two');
    await rig.serve({ port: server.port, caBundle: server.certificate, maxSessions, afterArchive: 'Delete' });
    const facts = await rig.until('u1', ({ counts }) => counts.deleted === 2);
    assert.equal(facts.attempt?.fault, undefined);
    assert.deepEqual(server.inbox.messages, []);
  });
}

test('a server that goes silent in the middle of a pull is left, and the next poll goes on', async () => {
  await using server = await startImapServer({ fault: stallAt('UID FETCH') });
  await using rig = await startPollerRig({ timeouts: SHORT });
  deliver(server.inbox, 'one');
  await rig.serve({ port: server.port, caBundle: server.certificate, pollIntervalMs: 30 });
  const facts = await rig.until('u1', ({ attempt }) => attempt?.fault !== undefined);
  assert.match(facts.attempt?.fault?.message ?? '', /stopped sending/);
  server.setFault({});
  await rig.until('u1', ({ counts, attempt }) => counts.stored === 1 && attempt?.fault === undefined);
});

test("a goodbye in the middle of a pull is told in the server's words", async () => {
  await using server = await startImapServer({ fault: byeAt('UID FETCH', 'Autologout; idle for too long') });
  await using rig = await startPollerRig();
  deliver(server.inbox, 'one');
  await rig.serve({ port: server.port, caBundle: server.certificate });
  const facts = await rig.until('u1', ({ attempt }) => attempt?.fault !== undefined);
  assert.equal(facts.attempt?.fault?.serverText, 'BYE Autologout; idle for too long');
  assert.equal(facts.source?.waiting, 1);
});

test('a mailbox whose every pull breaks has failed since the first one, although its stages pass each time', async () => {
  await using server = await startImapServer({ fault: byeAt('UID FETCH', 'Internal error') });
  await using rig = await startPollerRig();
  deliver(server.inbox, 'one');
  await rig.serve({ port: server.port, caBundle: server.certificate, pollIntervalMs: 30 });
  const { attempt, failingSince } = await rig.until('u1', (facts) => facts.failingSince !== undefined);
  const polls = new Set([attempt?.startedAt]);
  await rig.until('u1', (facts) => {
    assert.equal(facts.failingSince, failingSince, 'the run of failures is not broken');
    assert.notEqual(facts.attempt?.fault, undefined, 'no poll is told as passed before its pull');
    return polls.add(facts.attempt?.startedAt).size > 3;
  });
  server.setFault({});
  await rig.until('u1', (facts) => facts.failingSince === undefined && facts.attempt?.fault === undefined);
});

test('one message that cannot be had fails each poll, also while new mail goes on coming in', async () => {
  await using server = await startImapServer({ fault: truncatedLiteral(1, 1, 'close') });
  await using rig = await startPollerRig();
  deliver(server.inbox, 'poison', 'two');
  // Long against a poll, so that none of them counts as a long pull.
  await rig.serve({ port: server.port, caBundle: server.certificate, pollIntervalMs: 1_000 });
  const { failingSince } = await rig.until('u1', (facts) => facts.failingSince !== undefined);
  await rig.until('u1', ({ counts }) => counts.stored === 1);
  deliver(server.inbox, 'three');
  await rig.until('u1', (facts) => {
    assert.equal(facts.failingSince, failingSince, 'the run of failures is not broken');
    return facts.counts.stored === 2;
  });
  assert.equal(rig.board.get('u1')?.facts.failingSince, failingSince);
});

test('a pull that lasts ends the run of failures before it ends itself', async () => {
  await using server = await startImapServer({ fault: byeAt('AUTHENTICATE', 'Not now') });
  await using rig = await startPollerRig();
  deliver(server.inbox, ...Array.from({ length: 2_000 }, (_, n) => `${n} ${'x'.repeat(10_000)}`));
  await rig.serve({ port: server.port, caBundle: server.certificate, pollIntervalMs: 1 });
  await rig.until('u1', (facts) => facts.failingSince !== undefined);
  // The whole of the last message is never sent, so that this pull cannot end.
  server.setFault(truncatedLiteral(2_000, 10, 'stall'));
  const facts = await rig.until('u1', (it) => it.failingSince === undefined && it.counts.stored > 0);
  assert.equal(facts.attempt?.fault, undefined);
  await rig.stop();
});

test('nothing is deleted on a server without UIDPLUS, and the stage says so', async () => {
  await using server = await startImapServer({ capabilities: ['SASL-IR'] });
  await using rig = await startPollerRig();
  deliver(server.inbox, 'one');
  await rig.serve({ port: server.port, caBundle: server.certificate, afterArchive: 'Delete' });
  const facts = await rig.until('u1', ({ source }) => source?.waiting === 0);
  assert.match(facts.attempt?.stages.find(({ stage }) => stage === 'select')?.text ?? '', /lacks UIDPLUS/);
  assert.equal(server.inbox.messages.length, 1);
  assert.ok(!server.transcript.some((line) => /STORE|EXPUNGE/.test(line)));
});

test('two mailboxes that hang take nothing from the third', async () => {
  await using hanging = await startImapServer({ fault: stallAt('AUTHENTICATE') });
  await using stuck = await startImapServer({ fault: truncatedLiteral(1, 10, 'stall') });
  await using server = await startImapServer();
  deliver(stuck.inbox, 'z'.repeat(100));
  await using rig = await startPollerRig({ bytesInFlight: 250 });
  const of = (uid: string, { port, certificate }: typeof server) => ({ uid, port, caBundle: certificate });
  await rig.serve(of('u1', hanging), of('u2', stuck));
  await rig.until('u2', ({ source }) => source?.waiting === 1);
  deliver(server.inbox, ...Array.from({ length: 50 }, (_, n) => `${n} ${'x'.repeat(90)}`));
  await rig.serve(of('u1', hanging), of('u2', stuck), of('u3', server));
  await rig.until('u3', ({ counts }) => counts.stored === 50);
  assert.equal(rig.board.get('u2')?.facts.counts.stored, 0);
});

test('series of a connection end with it', async () => {
  await using server = await startImapServer();
  await using rig = await startPollerRig();
  deliver(server.inbox, 'one');
  await rig.serve({ port: server.port, caBundle: server.certificate });
  await rig.until('u1', ({ source }) => source?.waiting === 0);
  const metrics = await rig.registry.metrics();
  assert.match(metrics, /mailhold_poller_messages_total\{namespace="contoso",connection="journal",result="stored"\} 1/);
  assert.match(metrics, /mailhold_poller_backlog_messages\{namespace="contoso",connection="journal"\} 0/);
  assert.match(metrics, /mailhold_poller_stages_total\{stage="read",result="passed"\} 1/);
  await rig.serve();
  assert.doesNotMatch(await rig.registry.metrics(), /contoso/);
});

test('a full archive stops the pull without blaming the server, and it goes on when there is room', async () => {
  await using server = await startImapServer();
  // More than any disk has, so that the reserve is never met.
  await using rig = await startPollerRig({ reserveBytes: 2 ** 60 });
  deliver(server.inbox, 'one');
  await rig.serve({ port: server.port, caBundle: server.certificate });
  const facts = await rig.until('u1', ({ attempt }) => attempt?.fault !== undefined);
  assert.equal(facts.attempt?.fault?.code, 'ArchiveFull');
  assert.ok(facts.attempt?.stages.every(({ ok }) => ok));
  assert.equal(rig.board.group.fault?.code, 'ArchiveFull');
  assert.equal(rig.board.group.ready, false);
});
