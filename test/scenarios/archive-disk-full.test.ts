import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { envelope, testArchive, until } from '../../workers/archive/test-archive.ts';

/** A real file system of 4 MB needs root; without it the unit tests with a failing store are all there is. */
const why = process.getuid?.() === 0 ? false : 'mounting a small file system needs root';

test('a disk that is really full refuses mail, keeps what it has, and recovers by itself', { skip: why }, async () => {
  await onTmpfs('size=4m', async (folder) => {
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

    execFileSync('mount', ['-o', 'remount,size=8m', folder]);
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
});

test('a large message that does not fit leaves nothing behind', { skip: why }, async () => {
  await onTmpfs('size=4m', async (folder) => {
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
});

test('a file system that turns read-only is not writable, with that word', { skip: why }, async () => {
  await onTmpfs('size=4m', async (folder) => {
    await writeFile(join(folder, 'mailhold.json'), '{"format":1,"archiveId":"a"}');
    execFileSync('mount', ['-o', 'remount,ro', folder]);
    await using archive = await testArchive(folder);
    await assert.rejects(archive.open(), { code: 'ArchiveNotWritable', message: /mounted read-only/ });
  });
});

async function onTmpfs(options: string, run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  try {
    await run(folder);
  } finally {
    execFileSync('umount', [folder]);
    await rm(folder, { recursive: true });
  }
}
