import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ArchiveLog, type Envelope, openArchiveLog, type Stored } from '../archive/log.ts';
import { openFileStore } from '../archive/store-file.ts';
import { systemClock } from '../process/clock.ts';
import { silentLogger } from '../process/logger.ts';
import { createDeletion } from './deletion.ts';
import { createReadBack } from './read-back.ts';

const ENVELOPE: Envelope = {
  targets: [{ namespace: 'n', name: 'x', uid: 'u1', generation: 1 }],
  retention: 'mail',
  capture: { kind: 'imap', host: 'h', port: 993, user: 'u', folder: 'INBOX', uidValidity: '1', uid: 1 },
  begunAt: '2026-11-17T09:30:00.000Z',
  receivedAt: '2026-11-17T09:30:00.000Z',
};

async function withLog(work: (log: ArchiveLog, folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-deletion-'));
  const target = { path: folder, reserveBytes: 0 };
  const log = await openArchiveLog({ target, clock: systemClock, logger: silentLogger, software: 'Mailhold/test' });
  try {
    await work(log, folder);
  } finally {
    await log.close();
    await rm(folder, { recursive: true });
  }
}

/** Turns one byte of the first place that holds `text`, anywhere in the archive. */
async function corrupt(folder: string, text: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const at = bytes.indexOf(text);
    if (at < 0) continue;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    await writeFile(path, bytes, { flag: 'r+' });
    return;
  }
  assert.fail(`${text} is nowhere in the archive`);
}

test('only messages whose bytes come back from the archive as they went in are deleted', () =>
  withLog(async (log, folder) => {
    const expunged: string[] = [];
    let deleted = 0;
    const deletion = createDeletion({
      readBack: createReadBack(() => openFileStore(folder), log.writer),
      expunge: async (uids) => void expunged.push(uids),
      onDeleted: (count) => {
        deleted += count;
      },
      logger: silentLogger,
    });
    const large = Buffer.alloc(3 * 1024 * 1024, 'large ');
    const stored: Stored[] = [];
    for (const text of ['first', 'second', 'third', large]) {
      stored.push(await log.append(Buffer.from(text), ENVELOPE));
    }
    await corrupt(folder, 'second');
    for (const [at, { position, sha256 }] of stored.entries()) await deletion.archived(at + 1, position, sha256);
    await deletion.finish();
    assert.deepEqual(expunged, ['1,3:4']);
    assert.equal(deleted, 3);
  }));

test('records of other writers, and ones asked for out of order, are read back too', () =>
  withLog(async (log, folder) => {
    const other = createReadBack(() => openFileStore(folder), 'another writer');
    const own = createReadBack(() => openFileStore(folder), log.writer);
    const first = await log.append(Buffer.from('first'), ENVELOPE);
    const second = await log.append(Buffer.from('second'), ENVELOPE);
    own.expect(second.position);
    assert.equal(await own.agrees(second.position, second.sha256), true);
    own.expect(first.position);
    assert.equal(await own.agrees(first.position, first.sha256), true);
    assert.equal(await other.agrees(first.position, first.sha256), true);
    assert.equal(await other.agrees(first.position, second.sha256), false);
    const third = await log.append(Buffer.from('third'), ENVELOPE);
    own.expect(third.position);
    assert.equal(await own.agrees(third.position, third.sha256), true);
    assert.equal(await own.agrees({ writer: log.writer, number: 99 }, third.sha256), false);
  }));

test('a refusal to expunge reaches whoever waits, and later batches are not lost in silence', () =>
  withLog(async (log, folder) => {
    const deletion = createDeletion({
      readBack: createReadBack(() => openFileStore(folder), log.writer),
      // A fake, since no server refuses at our command after it was read back.
      expunge: () => Promise.reject(new Error('refused')),
      onDeleted: () => assert.fail('nothing was deleted'),
      logger: silentLogger,
    });
    const { position, sha256 } = await log.append(Buffer.from('first'), ENVELOPE);
    await deletion.archived(1, position, sha256);
    await assert.rejects(deletion.finish(), /refused/);
    await assert.rejects(deletion.finish(), /refused/);
  }));
