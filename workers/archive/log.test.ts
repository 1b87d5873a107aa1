import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { systemClock } from '../process/clock.ts';
import { FaultError } from '../process/fault-error.ts';
import { silentLogger } from '../process/logger.ts';
import { openArchiveLog } from './log.ts';
import type { Store } from './store.ts';
import { aroundCommits, envelope, testArchive } from './test-archive.ts';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('whatever bytes come in whatever pieces, they are read back as they were', async () => {
  const message = fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 8 }), fc.constantFrom(1, 500, 1_000_000), async (all, memory) => {
      await using archive = await testArchive();
      // With little memory, bodies stream to segments of their own, however small they are.
      const log = await archive.open({ memoryBytes: memory });
      const stored = await Promise.all(
        all.map(async (parts) => {
          const body = log.begin();
          for (const part of parts) if (!body.write(Buffer.from(part))) await body.drained();
          return body.commit(envelope);
        }),
      );
      await log.close();
      const { messages, findings } = await archive.read();
      assert.deepEqual(findings, []);
      assert.equal(messages.length, all.length);
      const byNumber = new Map(messages.map((record) => [record.position.number, record]));
      for (const [index, parts] of all.entries()) {
        const bytes = Buffer.concat(parts);
        const record = byNumber.get(stored[index]?.position.number ?? 0);
        assert.ok(record);
        assert.equal(stored[index]?.sha256, sha256(bytes));
        assert.equal(record.metadata.sha256, sha256(bytes));
        assert.equal(record.metadata.length, bytes.length);
        assert.ok(bytes.equals(await archive.bytesOf(record)));
      }
    }),
    { numRuns: 40 },
  );
});

test('the metadata says all that is known of a message', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  const { position } = await log.append(Buffer.from('x'), envelope);
  await log.close();
  const [record] = (await archive.read()).messages;
  assert.deepEqual(record?.metadata, {
    kind: 'message',
    format: 1,
    writer: log.writer,
    number: position.number,
    archive: log.archiveId,
    length: 1,
    sha256: sha256(Buffer.from('x')),
    ...envelope,
    software: 'Mailhold/test',
  });
});

test('a body that looks like a record does not become one', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  const forged = Buffer.from('x\r\n\r\nWARC/1.1\r\nWARC-Type: metadata\r\nContent-Length: 2\r\n\r\n{}\r\n\r\n');
  await log.append(forged, envelope);
  await log.append(Buffer.from('next'), envelope);
  await log.close();
  const { messages, findings } = await archive.read();
  assert.deepEqual(findings, []);
  assert.equal(messages.length, 2);
});

test('an aborted body leaves nothing behind, whether it was in memory or on its way to the disk', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  const small = log.begin();
  small.write(Buffer.from('x'));
  small.abort();
  const large = log.begin();
  const chunk = Buffer.alloc(700_000);
  for (let i = 0; i < 4; i += 1) if (!large.write(chunk)) await large.drained();
  large.abort();
  await log.append(Buffer.from('kept'), envelope);
  await log.close();
  const { messages, findings } = await archive.read();
  assert.deepEqual(findings, []);
  assert.deepEqual(
    messages.map((record) => record.metadata.length),
    [4],
  );
});

test('large and small messages are read in the order of their numbers', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  const large = Buffer.alloc(1_200_000, 'l');
  for (const message of [Buffer.from('1'), large, Buffer.from('3'), large, large]) await log.append(message, envelope);
  await log.appendEvent({ type: 'example', at: '2026-01-01T00:00:00Z', data: { n: 6 } });
  await log.close();
  const { messages, events, findings } = await archive.read();
  assert.deepEqual(findings, []);
  assert.deepEqual(
    messages.map((record) => record.position.number),
    [1, 2, 3, 4, 5],
  );
  assert.equal(events[0]?.position.number, 6);
  assert.deepEqual(events[0]?.metadata.data, { n: 6 });
});

test('a consumer goes on behind the position that it holds', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  for (const text of ['1', '2', '3', '4']) await log.append(Buffer.from(text), envelope);
  await log.close();
  const { messages } = await archive.read({ after: new Map([[log.writer, 2]]), durableOnly: true });
  assert.deepEqual(
    messages.map((record) => record.position.number),
    [3, 4],
  );
});

test('messages that come together share a write and a sync', async () => {
  let commits = 0;
  await using archive = await testArchive();
  const store = aroundCommits(archive.store, async (commit) => {
    commits += 1;
    await commit();
  });
  const log = await archive.open({ store });
  const before = commits;
  await Promise.all(Array.from({ length: 100 }, () => log.append(Buffer.from('x'), envelope)));
  assert.equal(commits - before, 1);
});

test('intake stops while less than the reserve is free, with the figures in the message', async () => {
  await using archive = await testArchive();
  const free = 1024 ** 3;
  const store: Store = { ...archive.store, freeBytes: async () => free };
  const log = await archive.open({ store, target: { path: archive.folder, reserveBytes: 2 * free } });
  assert.throws(() => log.begin(), /less than its reserve of 2\.0 GiB free \(1\.0 GiB\)/);
  assert.equal(log.fault?.code, 'ArchiveFull');
});

test('bytes that are written count down what is free', async () => {
  await using archive = await testArchive();
  const store: Store = { ...archive.store, freeBytes: async () => 1_050_000 };
  const log = await archive.open({ store, target: { path: archive.folder, reserveBytes: 1_000_000 } });
  await log.append(Buffer.alloc(60_000), envelope);
  assert.equal(log.fault?.code, 'ArchiveFull');
});

test('a folder that is missing, or a file, is not writable and says what to do', async () => {
  const path = join(tmpdir(), `mailhold-missing-${process.pid}`);
  const options = {
    target: { path, reserveBytes: 0 },
    clock: systemClock,
    logger: silentLogger,
    software: 'Mailhold/test',
  };
  await assert.rejects(openArchiveLog(options), { code: 'ArchiveNotWritable', message: /create the folder/ });
  await writeFile(path, 'x');
  try {
    await assert.rejects(openArchiveLog(options), { code: 'ArchiveNotWritable', message: /not a folder/ });
  } finally {
    await rm(path);
  }
});

test('an archive of a newer format is refused, and nothing is written to it', async () => {
  await using archive = await testArchive();
  await archive.store.createNote('mailhold.json', '{"format":2,"archiveId":"x"}');
  await assert.rejects(archive.open(), { retry: 'never', message: /newer than this Mailhold/ });
  assert.deepEqual(await archive.store.listSegments(), []);
});

test('after close nothing is taken and the writer is marked closed', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  await log.append(Buffer.from('x'), envelope);
  await log.close();
  assert.throws(() => log.begin(), FaultError);
  const mark = JSON.parse((await archive.store.readMark(log.writer)) ?? '{}');
  assert.equal(mark.closed, true);
  assert.equal(mark.durable, 1);
});

test('two writers share an archive and agree on its id', async () => {
  await using archive = await testArchive();
  const [one, two] = await Promise.all([archive.open(), archive.open()]);
  assert.equal(one.archiveId, two.archiveId);
  await Promise.all([one, two].map((log) => log.append(Buffer.from('x'), envelope)));
  assert.equal((await archive.read()).messages.length, 2);
});
