import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../process/clock.ts';
import { selfTestName } from './self-test-token.ts';
import { Client } from './testing/client.ts';
import { addressOf, entry, HOST, startReceiver, testGroup } from './testing/receiver.ts';

/** Loopback stands for the node that the Service shows in the place of the sender. */
const NODES = { hiddenPeerRanges: ['10.0.0.0/8', '127.0.0.0/8', 'fd00::/8'] };
const { key } = testGroup().selfTest;

async function name(port: number, recipients: string[], helo?: string): Promise<number[]> {
  const client = await Client.secure(port, helo);
  const codes: number[] = [];
  await client.command('MAIL FROM:<>');
  for (const recipient of recipients) codes.push((await client.command(`RCPT TO:<${recipient}>`)).code);
  client.destroy();
  return codes;
}

test('a session from within the ranges counts once, when it names a recipient that is served', async () => {
  await using running = await startReceiver([entry('a'), entry('b')], { group: NODES });
  assert.equal(running.board.group.hiddenPeers, undefined, 'the tests that follow a change do not count');
  assert.deepEqual(await name(running.port, [addressOf('a'), addressOf('b')]), [250, 250]);
  assert.partialDeepStrictEqual(running.board.group.hiddenPeers, { count: 1, lastPeer: '127.0.0.1' });
  await name(running.port, [addressOf('b')]);
  assert.partialDeepStrictEqual(running.board.group.hiddenPeers, { count: 2 });
  assert.match(await running.registry.metrics(), /^mailhold_receiver_hidden_peer_sessions_total 2$/m);
});

test('one that is refused for its range counts too, since the range judged the wrong address', async () => {
  await using running = await startReceiver([entry('a', { senderRanges: ['192.0.2.0/24'] })], { group: NODES });
  assert.deepEqual(await name(running.port, [addressOf('a')]), [450]);
  assert.equal(running.board.group.hiddenPeers?.count, 1);
});

test('the first wakes who asks for the status, and later ones ride along', async () => {
  await using running = await startReceiver([entry('a')], { group: NODES });
  const { board } = running;
  const before = board.answer(board.epoch, 0).change;
  const woken = board.changed(board.epoch, before, 60_000, new AbortController().signal);
  await name(running.port, [addressOf('a')]);
  await woken;
  const { change } = board.answer(board.epoch, before);
  assert.ok(change > before);
  await name(running.port, [addressOf('a')]);
  const after = board.answer(board.epoch, change);
  assert.deepEqual([after.change, after.group.hiddenPeers?.count], [change, 2]);
});

test('probes, strangers, self-tests and other peers do not count', async () => {
  await using running = await startReceiver([entry('a')], { group: NODES });
  const probe = await Client.connect(running.port);
  await probe.reply();
  probe.destroy();
  await name(running.port, ['nobody@example.org', addressOf('unknown')]);
  await name(running.port, [addressOf('a')], selfTestName(key, HOST, systemClock));
  assert.equal(running.board.group.hiddenPeers, undefined);
  await running.serve([entry('a')], { hiddenPeerRanges: ['10.0.0.0/8'] });
  await name(running.port, [addressOf('a')]);
  assert.equal(running.board.group.hiddenPeers, undefined);
});

test('a range that is none is a fault of the group, and mail is taken all the same', async () => {
  await using running = await startReceiver([entry('a')], { group: { hiddenPeerRanges: ['nonsense'] } });
  assert.partialDeepStrictEqual(running.board.group, { ready: true, fault: { code: 'InvalidConfiguration' } });
  assert.deepEqual(await name(running.port, [addressOf('a')]), [250]);
  await running.serve([entry('a')], NODES);
  assert.equal(running.board.group.fault, undefined);
});
