import assert from 'node:assert/strict';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { FaultError } from '../process/fault-error.ts';
import { envelope, testArchive, until } from './test-archive.ts';

// An open file is written to wherever its folder went, so that commits alone never show this.
test('an archive whose folder is gone takes no mail, and goes on when it is back', { timeout: 20_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-gone-'));
  await using archive = await testArchive(folder);
  const log = await archive.open();
  await log.append(Buffer.from('one'), envelope);
  await rename(folder, `${folder}.away`);
  // Nothing comes in: the mark that says that the writer lives is what finds it.
  await until(log, () => log.fault !== undefined);
  assert.equal(log.fault?.code, 'ArchiveNotWritable');
  assert.match(log.fault?.message ?? '', /does not exist; create the folder or mount its volume \(ENOENT\)/);
  assert.throws(() => log.begin(), FaultError);
  await rename(`${folder}.away`, folder);
  await until(log, () => log.fault === undefined);
  await log.append(Buffer.from('three'), envelope);
  await log.close();
  const { messages, findings } = await archive.read();
  assert.deepEqual(
    messages.map((record) => record.metadata.length),
    [3, 5],
  );
  assert.deepEqual(findings, []);
  await rm(folder, { recursive: true });
});
