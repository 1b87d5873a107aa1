import assert from 'node:assert/strict';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLogger } from '../process/logger.ts';
import type { LogEvent } from './log.ts';
import { envelope, type TestArchive, testArchive, until } from './test-archive.ts';
import { DEAD_AFTER_MS, startTidying } from './tidy.ts';
import { claimName, type TornNote, tornNoteName } from './torn-note.ts';

/** An archive whose only writer was killed while it wrote its second message, and a large one. */
async function afterKill(): Promise<TestArchive & { dead: string; segment: string }> {
  const archive = await testArchive();
  const log = await archive.open();
  await log.append(Buffer.from('kept'), envelope);
  await log.append(Buffer.from('lost'), envelope);
  await log.close();
  const [segment] = await archive.store.listSegments();
  assert.ok(segment);
  await truncate(join(archive.folder, segment.path), segment.bytes - 800);
  const mark = { version: 1, writer: log.writer, durable: 1, closed: false, beat: 1 };
  await archive.store.writeMark(log.writer, JSON.stringify(mark));
  const unfinished = await archive.store.createLarge(log.writer);
  await unfinished.write([Buffer.from('half of it')]);
  return {
    ...archive,
    dead: log.writer,
    segment: segment.path,
    [Symbol.asyncDispose]: async () => {
      await unfinished.discard();
      await archive[Symbol.asyncDispose]();
    },
  };
}

function tidier(archive: TestArchive) {
  let now = 0;
  const events: LogEvent[] = [];
  const tidying = startTidying({
    store: archive.store,
    writer: 'me',
    clock: { now: () => 0, monotonic: () => now },
    logger: silentLogger,
    appendEvent: async (event) => {
      events.push(event);
      return { writer: 'me', number: events.length };
    },
  });
  const lookAt = async (time: number): Promise<void> => {
    await tidying.look();
    now = time;
    await tidying.look();
  };
  return { tidying, events, lookAt };
}

test('what a dead writer left is set aside once, by a note and an event, and its segment stays as it is', async () => {
  await using archive = await afterKill();
  const before = await archive.store.listSegments();
  const { tidying, events, lookAt } = tidier(archive);
  await lookAt(DEAD_AFTER_MS);
  await lookAt(2 * DEAD_AFTER_MS);
  await tidying.close();
  assert.deepEqual(
    events.map(({ type, data }) => [type, data.segment]),
    [['torn-tail', archive.segment]],
  );
  assert.deepEqual(await archive.store.listSegments(), before);
  assert.equal(await archive.store.removeUnfinished(archive.dead), 0, 'the unfinished one is gone');
  const { messages, findings } = await archive.read();
  assert.equal(messages.length, 1);
  assert.ok(findings.every((finding) => !finding.bad));
});

test('a writer whose mark moves is alive, and nothing of it is touched', async () => {
  await using archive = await afterKill();
  const { tidying, events, lookAt } = tidier(archive);
  for (let beat = 2; beat < 6; beat += 1) {
    await lookAt((beat - 1) * (DEAD_AFTER_MS - 1_000));
    const mark = { version: 1, writer: archive.dead, durable: 1, closed: false, beat };
    await archive.store.writeMark(archive.dead, JSON.stringify(mark));
  }
  await tidying.close();
  assert.deepEqual(events, []);
  assert.equal(await archive.store.removeUnfinished(archive.dead), 1, 'the unfinished one is still there');
});

// No real disk stops a process inside one write on demand, so the store lets the clock run during a commit.
test('a writer that was stopped in mid-write and set aside meanwhile does not acknowledge what it wrote', async () => {
  await using archive = await testArchive();
  let now = 0;
  let during: () => Promise<void> = async () => undefined;
  const log = await archive.open({
    clock: { now: () => Date.UTC(2026, 0, 1), monotonic: () => now },
    store: {
      ...archive.store,
      createSegment: async (writer, sequence, head) => {
        const segment = await archive.store.createSegment(writer, sequence, head);
        return {
          ...segment,
          commit: async (parts) => {
            await during();
            await segment.commit(parts);
          },
        };
      },
    },
  });
  await log.append(Buffer.from('before'), envelope);
  const [segment] = await archive.store.listSegments();
  assert.ok(segment);
  during = async () => {
    now += 70_000;
    const tail = { segment: segment.path, goodBytes: segment.bytes };
    const note: TornNote = { version: 1, writer: log.writer, tail, lost: [], at: '', why: 'taken for dead' };
    await archive.store.createNote(claimName(log.writer, 1), '{}');
    await archive.store.createNote(tornNoteName(log.writer, 1), JSON.stringify(note));
  };
  await assert.rejects(log.append(Buffer.from('hidden'), envelope), { code: 'ArchiveNotWritable' });
  during = async () => undefined;
  await until(log, () => log.fault === undefined);
  await log.append(Buffer.from('after'), envelope);
  await log.close();
  const { messages } = await archive.read();
  assert.deepEqual(
    messages.map((record) => record.metadata.length),
    [6, 5],
  );
});

test('the last segment of a dead writer that is whole is read once, and not again at each start', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  await log.append(Buffer.from('kept'), envelope);
  await log.close();
  const mark = { version: 1, writer: log.writer, durable: 0, closed: false, beat: 1 };
  await archive.store.writeMark(log.writer, JSON.stringify(mark));
  const read: number[] = [];
  for (let start = 0; start < 3; start += 1) {
    let opened = 0;
    const openSegment: typeof archive.store.openSegment = (segment) => {
      opened += 1;
      return archive.store.openSegment(segment);
    };
    const { tidying, events, lookAt } = tidier({ ...archive, store: { ...archive.store, openSegment } });
    await lookAt(DEAD_AFTER_MS);
    await tidying.close();
    assert.deepEqual(events, []);
    read.push(opened);
  }
  assert.ok((read[0] ?? 0) > 0);
  assert.deepEqual(read.slice(1), [0, 0]);
});
