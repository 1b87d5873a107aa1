import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Cursor, cursorPath, loadCursor, saveCursor } from './cursor.ts';
import { UidSet } from './uid-set.ts';

const uids = fc.array(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { maxLength: 30 });
const text = fc.string({ unit: 'binary', maxLength: 20 });
const cursors = fc
  .record(
    {
      epoch: fc.record(
        { host: text, user: text, folder: text, uidValidity: fc.nat().map(String) },
        { noNullPrototype: true },
      ),
      uids,
      rescanning: fc.boolean(),
      position: fc.record(
        { writer: fc.stringMatching(/^[0-9a-f]{32}$/), number: fc.integer({ min: 1 }) },
        { noNullPrototype: true },
      ),
    },
    { requiredKeys: ['epoch', 'uids', 'rescanning'], noNullPrototype: true },
  )
  .map(({ uids: list, ...rest }): Cursor => {
    const archived = new UidSet();
    for (const uid of list) archived.add(uid);
    return { ...rest, archived };
  });

const asText = ({ archived, ...rest }: Cursor): unknown => ({ ...rest, archived: archived.toString() });

test('a cursor is believed only when settled, of this archive, and behind what the log holds', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-cursor-'));
  try {
    await fc.assert(
      fc.asyncProperty(
        cursors,
        fc.record({ settled: fc.boolean(), sameArchive: fc.boolean(), holds: fc.boolean(), uid: text }),
        async (cursor, { settled, sameArchive, holds, uid }) => {
          const path = cursorPath(folder, uid);
          await saveCursor(path, 'a1', cursor, settled);
          const loaded = await loadCursor(path, sameArchive ? 'a1' : 'a2', async () => holds);
          const believed = settled && sameArchive && (holds || cursor.position === undefined);
          if (believed) assert.deepEqual(loaded && asText(loaded), asText(cursor));
          else assert.equal(loaded, undefined);
        },
      ),
      { numRuns: 60 },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a cursor file that is missing, cut off anywhere or foreign is void, not an error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-cursor-'));
  try {
    const path = cursorPath(folder, 'u1');
    assert.equal(await loadCursor(path, 'a1', async () => true), undefined);
    const archived = new UidSet();
    archived.add(5);
    const epoch = { host: 'h', user: 'u', folder: 'f', uidValidity: '1' };
    await saveCursor(path, 'a1', { epoch, archived, rescanning: false }, true);
    const whole = await readFile(path, 'utf8');
    for (let length = 0; length < whole.length; length += 1) {
      await writeFile(path, whole.slice(0, length));
      assert.equal(await loadCursor(path, 'a1', async () => true), undefined);
    }
    for (const foreign of [
      'null',
      '[]',
      '7',
      '{"version":2}',
      whole.replace('"5"', '"x"'),
      whole.replace('"epoch"', '"e"'),
    ]) {
      await writeFile(path, foreign);
      assert.equal(await loadCursor(path, 'a1', async () => true), undefined, foreign);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
