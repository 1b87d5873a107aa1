import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findMessage } from './reader.ts';
import { aroundCommits, envelope, type TestArchive, testArchive } from './test-archive.ts';

/** An archive of several segments: each second event fails, which ends its segment. Even numbers are lost. */
async function manySegments(): Promise<TestArchive & { writer: string }> {
  const archive = await testArchive();
  let failing = false;
  const store = aroundCommits(archive.store, async (commit) => {
    if (failing) throw Object.assign(new Error('i/o error'), { code: 'EIO' });
    await commit();
  });
  const log = await archive.open({ store });
  const event = { type: 'example', at: '2026-01-01T00:00:00Z', data: {} };
  for (let number = 1; number <= 19; number += 1) {
    failing = number % 2 === 0;
    const appended = log.appendEvent(event);
    if (failing) await assert.rejects(appended);
    else await appended;
  }
  await log.close();
  return { ...archive, writer: log.writer };
}

test('from wherever a consumer goes on, it gets all that is behind, and opens few of the segments before', async () => {
  await using archive = await manySegments();
  assert.equal((await archive.store.listSegments()).length, 10);
  for (let from = 0; from <= 20; from += 1) {
    const { events, findings } = await archive.read({ after: new Map([[archive.writer, from]]) });
    assert.deepEqual(
      events.map((record) => record.position.number),
      [1, 3, 5, 7, 9, 11, 13, 15, 17, 19].filter((number) => number > from),
    );
    assert.deepEqual(
      findings.filter((finding) => finding.bad),
      [],
    );
  }
});

test('a message is found by its position, and only there', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  const sizes = [1, 1_200_000, 3];
  for (const size of sizes) await log.append(Buffer.alloc(size), envelope);
  await log.close();
  for (const [index, size] of sizes.entries()) {
    const record = await findMessage(archive.store, { writer: log.writer, number: index + 1 });
    assert.equal(record?.metadata.length, size);
  }
  assert.equal(await findMessage(archive.store, { writer: log.writer, number: 4 }), undefined);
  assert.equal(await findMessage(archive.store, { writer: 'nobody', number: 1 }), undefined);
});

test('a consumer that waits for durability reads a dead writer to its end, past a mark that lagged', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  for (const text of ['1', '2', '3']) await log.append(Buffer.from(text), envelope);
  await log.close();
  const mark = { version: 1, writer: log.writer, durable: 1, closed: false, beat: 1 };
  await archive.store.writeMark(log.writer, JSON.stringify(mark));
  const alive = await archive.read({ durableOnly: true });
  assert.equal(alive.messages.length, 1);
  const dead = await archive.read({ durableOnly: true, dead: new Set([log.writer]) });
  assert.equal(dead.messages.length, 3);
});

test('a mark that a power cut emptied keeps nobody from reading', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  await log.append(Buffer.from('kept'), envelope);
  await log.close();
  await archive.store.writeMark(log.writer, '');
  const { messages, findings } = await archive.read();
  assert.equal(messages.length, 1);
  assert.deepEqual(findings, []);
});

test('a record that was cut out whole is missed by its number and by the closing counts', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  for (const text of ['first', 'second', 'third']) await log.append(Buffer.from(text), envelope);
  await log.close();
  const [record, next] = (await archive.read()).messages.slice(1);
  assert.ok(record && next);
  const path = join(archive.folder, record.segment.path);
  const bytes = await readFile(path);
  await writeFile(path, Buffer.concat([bytes.subarray(0, record.offset), bytes.subarray(next.offset)]));
  const { findings } = await archive.read();
  assert.deepEqual(
    findings.map(({ finding, bad }) => ({ finding, bad })),
    [
      { finding: 'hole', bad: true },
      { finding: 'damage', bad: true },
    ],
  );
});
