import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { testArchive } from '../../workers/archive/test-archive.ts';
import { Client } from '../../workers/receiver/testing/client.ts';
import { addressOf, entry, testGroup } from '../../workers/receiver/testing/receiver.ts';
import { startWorker } from '../../workers/receiver/testing/worker.ts';

const MESSAGE_BYTES = 157_286_400;
const MOST_MB = 150;

test('a message of 150 MB keeps the receiver under 150 MB of memory, and is kept byte for byte', async (t) => {
  if (!existsSync('/proc/self/status')) {
    t.skip('needs /proc, to see the memory of another process');
    return;
  }
  const limits = { ...testGroup().limits, messageBytes: Math.ceil(MESSAGE_BYTES * 1.1) };
  await using worker = await startWorker([entry('a')], { limits });
  const client = await Client.secure(worker.port);
  await client.command(`MAIL FROM:<> SIZE=${MESSAGE_BYTES}`);
  await client.command(`RCPT TO:<${addressOf('a')}>`);
  assert.equal((await client.command('DATA')).code, 354);
  const line = `${'x'.repeat(76)}\r\n`;
  const block = Buffer.from(line.repeat(1_000));
  const digest = createHash('sha256');
  for (let sent = 0; sent < MESSAGE_BYTES; sent += block.length) {
    const part = block.subarray(0, Math.min(block.length, MESSAGE_BYTES - sent));
    digest.update(part);
    if (!client.socket.write(part)) await once(client.socket, 'drain');
  }
  digest.update('\r\n');
  client.send('\r\n.\r\n');
  assert.equal((await client.reply()).code, 250);
  const { peak } = await worker.memory();
  t.diagnostic(`peak ${peak.toFixed(0)} MB`);
  client.destroy();
  await using archive = await testArchive(worker.archive);
  const [record] = (await archive.read()).messages;
  assert.equal(record?.metadata.sha256, digest.digest('hex'));
  assert.ok(peak < MOST_MB, `peak ${peak.toFixed(0)} MB`);
});
