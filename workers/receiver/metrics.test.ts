import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from './testing/client.ts';
import { addressOf, entry, eventually, startReceiver } from './testing/receiver.ts';

test('when a message was last stored is told from the first one on, for each connection', async () => {
  await using running = await startReceiver([entry('a'), entry('b')]);
  const name = 'mailhold_receiver_last_stored_timestamp_seconds';
  assert.doesNotMatch(await running.registry.metrics(), new RegExp(`^${name}\\{`, 'm'));
  const before = Date.now();
  const client = await Client.secure(running.port);
  await client.transaction([addressOf('a')], 'hello\r\n.\r\n');
  client.destroy();
  const lines = (await running.registry.metrics()).split('\n').filter((line) => line.startsWith(`${name}{`));
  assert.equal(lines.length, 1);
  const [, seconds] = /connection="a"\} (\S+)$/.exec(lines[0] ?? '') ?? [];
  assert.ok(Number(seconds) * 1000 >= before && Number(seconds) * 1000 <= Date.now(), lines[0]);
});

test('what is refused, unknown, or no handshake is counted', async () => {
  await using running = await startReceiver([entry('a', { state: 'Disabled' })]);
  const client = await Client.secure(running.port);
  await client.command('MAIL FROM:<>');
  for (const to of [addressOf('a'), addressOf('a'), addressOf('gone')]) await client.command(`RCPT TO:<${to}>`);
  client.destroy();
  const broken = await Client.connect(running.port);
  await broken.reply();
  await broken.command('EHLO x');
  await broken.command('STARTTLS');
  broken.send('this is no ClientHello\r\n');
  await eventually(() => running.board.group.failedHandshakes.length === 1, 'the handshake failed');
  broken.destroy();
  const text = await running.registry.metrics();
  const refused = [...text.matchAll(/^mailhold_receiver_refusals_total\{reply="450 4\.2\.1[^"]*"\} (\d)$/gm)];
  assert.equal(
    refused.reduce((sum, [, count]) => sum + Number(count), 0),
    3,
    text,
  );
  assert.match(text, /^mailhold_receiver_unknown_recipients_total 1$/m);
  assert.match(text, /^mailhold_receiver_failed_handshakes_total 1$/m);
  assert.match(text, /^mailhold_receiver_self_test_stages_total\{stage="tls",result="passed"\} 1$/m);
});
