import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { aroundCommits, envelope, testArchive } from './test-archive.ts';

test('size and time of commits, failures and free space are told', async () => {
  await using archive = await testArchive();
  const registry = new Registry();
  let failing = false;
  const store = aroundCommits(archive.store, async (commit) => {
    if (failing) throw Object.assign(new Error('i/o error'), { code: 'EIO' });
    await commit();
  });
  const log = await archive.open({ registry, store });
  const value = async (name: string): Promise<number> => {
    const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(await registry.metrics());
    return Number(found?.[1]);
  };
  await Promise.all(['a', 'b', 'c'].map((text) => log.append(Buffer.from(text), envelope)));
  await log.append(Buffer.alloc(1_200_000, 'l'), envelope);
  assert.equal(await value('mailhold_archive_commit_records_count'), 2, 'a group and a large message');
  assert.equal(await value('mailhold_archive_commit_records_sum'), 4);
  assert.equal(await value('mailhold_archive_commit_seconds_count'), 2);
  assert.ok((await value('mailhold_archive_commit_seconds_sum')) > 0);
  assert.ok((await value('mailhold_archive_committed_bytes_total')) > 1_200_000);
  assert.ok((await value('mailhold_archive_free_bytes')) > 0);
  assert.equal(await value('mailhold_archive_commit_failures_total'), 0);
  failing = true;
  await assert.rejects(log.append(Buffer.from('d'), envelope));
  assert.equal(await value('mailhold_archive_commit_failures_total'), 1);
  assert.equal(await value('mailhold_archive_commit_records_sum'), 4);
});
