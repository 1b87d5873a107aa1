import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultError } from '../process/fault-error.ts';
import type { Store } from './store.ts';
import { aroundCommits, envelope, testArchive, until } from './test-archive.ts';

const ioError = (): Error => Object.assign(new Error('i/o error'), { code: 'EIO' });

// A disk cannot be made to fail one sync and not the next, so a store around the real one does.
test('a failed sync fails the whole group, is never tried again on that segment, and heals by itself', async () => {
  await using archive = await testArchive();
  let failing = false;
  const store = aroundCommits(archive.store, async (commit) => {
    await commit();
    if (failing) throw ioError();
  });
  const log = await archive.open({ store });
  await log.append(Buffer.from('before'), envelope);
  failing = true;
  const group = await Promise.allSettled(['a', 'b'].map((text) => log.append(Buffer.from(text), envelope)));
  for (const outcome of group) {
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof FaultError);
    assert.equal(outcome.reason.code, 'ArchiveNotWritable');
    assert.equal(outcome.reason.retry, 'later');
  }
  assert.equal(log.fault?.code, 'ArchiveNotWritable');
  assert.throws(() => log.begin(), FaultError);
  failing = false;
  await until(log, () => log.fault === undefined);
  await log.append(Buffer.from('after'), envelope);
  await log.close();
  const { messages, findings } = await archive.read();
  // The group that failed is complete on this disk, and counts for nothing all the same: it was answered 451.
  assert.deepEqual(
    messages.map((record) => record.metadata.length),
    [6, 5],
  );
  assert.equal(findings.filter((finding) => finding.bad).length, 0);
  assert.match(findings[0]?.text ?? '', /set aside \d+ bytes at its end \(EIO\)/);
});

test('a store that is full says ArchiveFull', async () => {
  await using archive = await testArchive();
  let full = false;
  const log = await archive.open({
    store: aroundCommits(archive.store, async (commit) => {
      if (full) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      await commit();
    }),
  });
  full = true;
  await assert.rejects(log.append(Buffer.from('x'), envelope), { code: 'ArchiveFull', retry: 'later' });
  full = false;
});

test('while a disk stays full nothing piles up, in the archive or in memory, and no number is missed afterwards', async () => {
  await using archive = await testArchive();
  let full = false;
  let asked = 0;
  const log = await archive.open({
    store: {
      ...aroundCommits(archive.store, async (commit) => {
        if (full) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        await commit();
      }),
      createNote: async (name, text) => {
        asked += 1;
        if (full) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
        return archive.store.createNote(name, text);
      },
    },
  });
  const event = { type: 'example', at: '2026-01-01T00:00:00Z', data: {} };
  await log.appendEvent(event);
  full = true;
  for (let i = 0; i < 50; i += 1) await assert.rejects(log.appendEvent(event), { code: 'ArchiveFull' });
  full = false;
  asked = 0;
  await log.appendEvent(event);
  await log.close();
  assert.equal(asked, 2, 'one note on the segment, one on all the numbers');
  assert.equal((await archive.store.listSegments()).length, 2);
  const { events, findings } = await archive.read();
  assert.deepEqual(
    events.map((record) => record.position.number),
    [1, 52],
  );
  assert.deepEqual(
    findings.filter((finding) => finding.bad),
    [],
  );
  assert.equal(JSON.parse((await archive.store.readMark(log.writer)) ?? '{}').durable, 52);
});

test('a large message that fails in its last step is not acknowledged, not read, and no hole', async () => {
  await using archive = await testArchive();
  let failing = true;
  const log = await archive.open({
    store: {
      ...archive.store,
      createLarge: async (writer) => {
        const large = await archive.store.createLarge(writer);
        const finish: typeof large.finish = async (head, record) => {
          await large.finish(head, record);
          if (failing) throw ioError();
        };
        return { ...large, finish };
      },
    },
  });
  const message = Buffer.alloc(1_200_000, 'l');
  await assert.rejects(log.append(message, envelope), { code: 'ArchiveNotWritable', retry: 'later' });
  failing = false;
  await until(log, () => log.fault === undefined);
  await log.append(message, envelope);
  await log.close();
  const { messages, findings } = await archive.read();
  assert.deepEqual(findings, []);
  assert.deepEqual(
    messages.map((record) => record.position.number),
    [2],
  );
  assert.equal(JSON.parse((await archive.store.readMark(log.writer)) ?? '{}').durable, 2);
});

test('closing waits for a large message whose last step is under way', async () => {
  await using archive = await testArchive();
  const started = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const store: Store = {
    ...archive.store,
    createLarge: async (writer) => {
      const large = await archive.store.createLarge(writer);
      const finish: typeof large.finish = async (head, record) => {
        started.resolve();
        await released.promise;
        await large.finish(head, record);
      };
      return { ...large, finish };
    },
  };
  const log = await archive.open({ store });
  const stored = log.append(Buffer.alloc(1_200_000), envelope);
  await started.promise;
  const closing = log.close();
  released.resolve();
  const { position } = await stored;
  await closing;
  const mark = JSON.parse((await archive.store.readMark(log.writer)) ?? '{}');
  assert.deepEqual({ durable: mark.durable, closed: mark.closed }, { durable: position.number, closed: true });
});

test('a body that is still open when the log closes is refused for later', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  const body = log.begin();
  body.write(Buffer.from('half a mess'));
  await log.close();
  await assert.rejects(body.commit(envelope), { code: 'ArchiveNotWritable', retry: 'later' });
});
