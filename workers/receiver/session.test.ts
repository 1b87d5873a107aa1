import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from './testing/client.ts';
import { addressOf, entry, startReceiver } from './testing/receiver.ts';

test('a journal report over STARTTLS is stored as it came and then acknowledged', async () => {
  await using running = await startReceiver([entry('journal')]);
  const client = await Client.secure(running.port);
  const reply = await client.transaction([addressOf('journal')], 'Subject: x\r\n\r\n..dot\r\n.\r\n');
  assert.equal(reply, '250 2.0.0 Kept as memory/1');
  assert.equal((await client.command('QUIT')).code, 221);
  assert.equal(running.log.kept[0]?.bytes.toString(), 'Subject: x\r\n\r\n.dot\r\n');
  client.destroy();
});
