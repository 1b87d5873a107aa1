import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { envelope, testArchive, until } from '../../workers/archive/test-archive.ts';
import { mountMissing, mountTmpfs } from './tmpfs.ts';

/** Without a real small file system the unit tests with a failing store are all there is. */
const options = { skip: mountMissing ?? false };

test('a disk that is really full refuses mail, keeps what it has, and recovers by itself', options, async () => {
  await using disk = await mountTmpfs('size=4m');
  const { folder } = disk;
  await using archive = await testArchive(folder);
  const log = await archive.open();
  const message = Buffer.alloc(100_000, 'm');
  let kept = 0;
  await assert.rejects(
    async () => {
      for (;;) {
        await log.append(message, envelope);
        kept += 1;
      }
    },
    { code: 'ArchiveFull', retry: 'later', message: /No space is left/ },
  );
  assert.ok(kept > 20);
  assert.equal((await archive.read()).messages.length, kept);

  disk.remount('size=8m');
  await until(log, () => log.fault === undefined);
  await log.append(message, envelope);
  await log.close();
  const { messages, findings } = await archive.read();
  assert.equal(messages.length, kept + 1);
  assert.deepEqual(
    findings.filter((finding) => finding.bad),
    [],
  );
});

test('a large message that does not fit leaves nothing behind', options, async () => {
  await using disk = await mountTmpfs('size=4m');
  const { folder } = disk;
  await using archive = await testArchive(folder);
  const log = await archive.open();
  const body = log.begin();
  const chunk = Buffer.alloc(64 * 1024, 'l');
  for (let i = 0; i < 100; i += 1) if (!body.write(chunk)) await body.drained();
  await assert.rejects(body.commit(envelope), { code: 'ArchiveFull' });
  await until(log, () => log.fault === undefined);
  await log.append(Buffer.from('small'), envelope);
  await log.close();
  const { messages } = await archive.read();
  assert.deepEqual(
    messages.map((record) => record.metadata.length),
    [5],
  );
});

test('a file system that turns read-only is not writable, with that word', options, async () => {
  await using disk = await mountTmpfs('size=4m');
  const { folder } = disk;
  await writeFile(join(folder, 'mailhold.json'), '{"format":1,"archiveId":"a"}');
  disk.remount('ro');
  await using archive = await testArchive(folder);
  await assert.rejects(archive.open(), { code: 'ArchiveNotWritable', message: /mounted read-only/ });
});
