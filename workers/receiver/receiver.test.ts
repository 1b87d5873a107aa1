import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { FaultError } from '../process/fault-error.ts';
import { certificateOfAnotherName } from './testing/certificate.ts';
import { Client } from './testing/client.ts';
import { memoryLog } from './testing/memory-log.ts';
import { addressOf, entry, eventually, startReceiver } from './testing/receiver.ts';

test('entries come, change and go without a session noticing', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await Client.secure(running.port);
  const rcpt = async (seed: string): Promise<number> => {
    await client.command('RSET');
    await client.command('MAIL FROM:<>');
    return (await client.command(`RCPT TO:<${addressOf(seed)}>`)).code;
  };
  assert.equal(await rcpt('b'), 450);
  await running.serve([entry('a'), entry('b')]);
  assert.equal(await rcpt('b'), 250);
  await running.serve([entry('a'), entry('b', { state: 'Disabled', revision: 'b-2' })]);
  assert.equal(await rcpt('b'), 450);
  assert.equal(running.board.get('b')?.facts.revision, 'b-2');
  await running.serve([entry('a')]);
  assert.equal(await rcpt('b'), 450);
  assert.deepEqual(running.board.answer(undefined, 0).removed, ['b']);
  assert.equal(await rcpt('a'), 250);
  client.destroy();
});

test('a changed entry alone is tested again; a changed certificate tests all', async () => {
  await using running = await startReceiver([entry('a'), entry('b')]);
  const startedAt = (uid: string) => running.board.get(uid)?.facts.attempt;
  const before = startedAt('a');
  await running.serve([entry('a'), entry('b', { revision: 'b-2' })]);
  await eventually(() => startedAt('b')?.revision === 'b-2', 'b is tested');
  assert.equal(startedAt('a'), before);
  await running.serve([entry('a'), entry('b', { revision: 'b-2' })], { certificate: certificateOfAnotherName });
  await eventually(() => startedAt('a')?.fault?.code === 'TLSVerificationFailed', 'a is tested');
});

test('a new certificate is used from the next handshake on, and open sessions stay', async () => {
  await using running = await startReceiver([entry('a')]);
  const old = await Client.secure(running.port);
  await running.serve([entry('a')], { certificate: certificateOfAnotherName });
  const next = await Client.secure(running.port);
  const { socket } = next;
  assert.ok('getPeerX509Certificate' in socket);
  assert.match(String((socket as TLSSocket).getPeerX509Certificate()?.subject), /other\.example\.com/);
  assert.equal((await old.command('NOOP')).code, 250);
  old.destroy();
  next.destroy();
});

test('TLS sessions resume at another receiver of the group', async () => {
  await using first = await startReceiver([entry('a')]);
  await using second = await startReceiver([entry('a')]);
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const client = await Client.connect(first.port);
    await client.reply();
    await client.command('EHLO x');
    await client.startTls({ maxVersion: version });
    // TLS 1.3 sends its tickets behind the handshake, so before this reply.
    await client.command('EHLO x');
    const session = (client.socket as TLSSocket).getSession();
    client.destroy();
    const again = await Client.connect(second.port);
    await again.reply();
    await again.command('EHLO x');
    await again.startTls({ maxVersion: version, ...(session && { session }) });
    assert.equal((again.socket as TLSSocket).isSessionReused(), true, version);
    assert.equal((await again.command('EHLO x')).code, 250);
    again.destroy();
  }
});

test('a port in use is the fault of the group until it is free', async () => {
  const blocker = createServer();
  blocker.listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const at = blocker.address();
  const port = typeof at === 'object' && at !== null ? at.port : 0;
  await using running = await startReceiver([], {
    group: { listen: { address: '127.0.0.1', port } },
    options: { listenRetryMs: 10 },
  });
  assert.equal(running.board.group.fault?.code, 'ListenFailed');
  assert.equal(running.board.group.fault?.message, `The receiver cannot listen on 127.0.0.1:${port}: it is in use.`);
  assert.equal(running.board.group.ready, false);
  blocker.close();
  await eventually(() => running.board.group.ready, 'it listens');
  assert.equal(running.board.group.fault, undefined);
  const client = await Client.connect(port);
  assert.equal((await client.reply()).code, 220);
  client.destroy();
});

test("the archive's fault is the fault of the group while it lasts", async () => {
  const log = memoryLog();
  await using running = await startReceiver([entry('a')], { log });
  assert.equal(running.board.group.ready, true);
  log.refuseBegin(new FaultError('ArchiveFull', 'later', 'The disk is full.'));
  assert.partialDeepStrictEqual(running.board.group, { ready: false, fault: { code: 'ArchiveFull' } });
  log.refuseBegin(undefined);
  assert.equal(running.board.group.ready, true);
  assert.equal(running.board.group.fault, undefined);
});

test('an entry that cannot be served says so itself, and the others are served', async () => {
  await using running = await startReceiver([entry('a', { senderRanges: ['nonsense'] }), entry('b')]);
  assert.equal(running.board.get('a')?.facts.attempt?.fault?.code, 'InvalidConfiguration');
  assert.equal(running.board.get('b')?.facts.attempt?.fault, undefined);
});

test('metrics follow the counts', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await Client.secure(running.port);
  await client.transaction([addressOf('a')], 'hello\r\n.\r\n');
  const text = await running.registry.metrics();
  assert.match(text, /mailhold_receiver_messages_total\{namespace="contoso",connection="a",result="stored"\} 1/);
  assert.match(text, /mailhold_receiver_stored_bytes_total\{namespace="contoso",connection="a"\} 7/);
  assert.match(text, /mailhold_receiver_sessions 1/);
  assert.match(text, /mailhold_receiver_acknowledge_seconds_count 1/);
  client.destroy();
});
