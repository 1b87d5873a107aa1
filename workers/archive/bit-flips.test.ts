import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { envelope, testArchive } from './test-archive.ts';
import { type VerifyFinding, verifyArchive } from './verify.ts';

test('any bit flipped anywhere in a segment is found, and the record is named', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  for (const text of ['first message', 'second message', 'third message'])
    await log.append(Buffer.from(text), envelope);
  await log.appendEvent({ type: 'example', at: '2026-01-01T00:00:00Z', data: {} });
  await log.close();
  const [segment] = await archive.store.listSegments();
  assert.ok(segment);
  const path = join(archive.folder, segment.path);
  const bytes = await readFile(path);
  const second = bytes.indexOf('second message');
  const begins = bytes.lastIndexOf('WARC/1.1', second);
  const ends = bytes.indexOf('WARC/1.1', bytes.indexOf('{"kind":"message"', second));
  // All of it, and by half the runs the second message with its metadata, whose name is asked for.
  const anywhere = fc.integer({ min: 0, max: bytes.length - 1 });
  const inSecond = fc.integer({ min: begins, max: ends - 1 });
  await fc.assert(
    fc.asyncProperty(fc.oneof(anywhere, inSecond), fc.integer({ min: 0, max: 7 }), async (offset, bit) => {
      const damaged = Buffer.from(bytes);
      damaged[offset] = (damaged[offset] ?? 0) ^ (1 << bit);
      await writeFile(path, damaged);
      const bad: VerifyFinding[] = [];
      const result = await verifyArchive(archive.store, (finding) => finding.bad && bad.push(finding));
      assert.ok(result.bad > 0, 'it is found');
      assert.ok(
        bad.some((it) => it.segment === segment.path || /record/.test(it.text)),
        'with the segment or the record',
      );
      if (offset < begins || offset >= ends) return;
      // By its position, by its place, or as the number that is missing where its metadata can no longer be believed.
      const named = (it: VerifyFinding): boolean =>
        it.position === `${log.writer}:2` ||
        /\brecord 2\b/.test(it.text) ||
        (it.offset !== undefined && it.offset >= begins && it.offset < ends);
      assert.ok(bad.some(named), JSON.stringify(bad));
    }),
    { numRuns: 400 },
  );
});
