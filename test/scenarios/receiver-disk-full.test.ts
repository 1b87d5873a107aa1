import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testArchive } from '../../workers/archive/test-archive.ts';
import { Client } from '../../workers/receiver/testing/client.ts';
import { addressOf, entry, eventually } from '../../workers/receiver/testing/receiver.ts';
import { startWorker } from '../../workers/receiver/testing/worker.ts';
import { mountMissing, mountTmpfs } from './tmpfs.ts';

const TO = addressOf('a');

test('a receiver on a disk that is really full defers with 452, keeps its sessions, and goes on by itself', {
  skip: mountMissing ?? false,
}, async () => {
  await using disk = await mountTmpfs('size=4m');
  await using archive = await testArchive(disk.folder);
  const kept: string[] = [];
  const refused: string[] = [];
  {
    await using worker = await startWorker([entry('a')], { archive: { path: disk.folder, reserveBytes: 0 } });
    const client = await Client.secure(worker.port);
    const send = async (subject: string, bytes: number): Promise<string> => {
      const reply = await client.transaction([TO], `Subject: ${subject}\r\n\r\n${'m'.repeat(bytes)}\r\n.\r\n`);
      (reply.startsWith('250 ') ? kept : refused).push(subject);
      return reply;
    };
    let last = '';
    for (let number = 1; number <= 100 && refused.length === 0; number += 1) last = await send(`n-${number}`, 100_000);
    assert.match(last, /^452 4\.3\.1 /);
    assert.ok(kept.length > 20, `${kept.length} kept`);
    // Over 1 MiB, so on the way to a segment of its own; by another session, since the full disk ended none.
    const other = await Client.secure(worker.port);
    assert.match(await other.transaction([TO], `${'l'.repeat(2_000_000)}\r\n.\r\n`), /^452 4\.3\.1 /);
    other.destroy();

    disk.remount('size=16m');
    await eventually(async () => (await send(`after-${refused.length}`, 100_000)).startsWith('250 '), 'mail is taken');
    // What is free is asked for every two seconds, so the count may still be the one of the full disk.
    await eventually(
      async () => (await send(`large-${refused.length}`, 2_000_000)).startsWith('250 '),
      'so is a large one',
    );
    assert.equal((await client.command('QUIT')).code, 221);
    client.destroy();
  }
  const { messages, findings } = await archive.read();
  assert.deepEqual(
    findings.filter(({ bad }) => bad),
    [],
  );
  const subjects = await Promise.all(
    messages.map(async (record) => /^Subject: (\S+)\r\n/.exec((await archive.bytesOf(record)).toString())?.[1]),
  );
  assert.deepEqual(subjects, kept);
});
