import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { envelope, testArchive } from './test-archive.ts';
import { type VerifyFinding, verifyArchive } from './verify.ts';

/** What is outside, the other header lines of a record, says nothing that its metadata does not say. */
test('any bit flipped in a message or in its metadata is found, and the record is named', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  for (const text of ['first message', 'second message', 'third message'])
    await log.append(Buffer.from(text), envelope);
  await log.close();
  const [segment] = await archive.store.listSegments();
  assert.ok(segment);
  const path = join(archive.folder, segment.path);
  const bytes = await readFile(path);
  const message = bytes.indexOf('second message');
  const metadata = bytes.indexOf('{"kind":"message"', message);
  const places: [from: number, length: number][] = [
    [message, 'second message'.length],
    [metadata, bytes.indexOf('\r\n\r\n', metadata) - metadata],
  ];
  const place = fc.constantFrom(...places).chain(([from, length]) => fc.integer({ min: from, max: from + length - 1 }));
  await fc.assert(
    fc.asyncProperty(place, fc.integer({ min: 0, max: 7 }), async (offset, bit) => {
      const damaged = Buffer.from(bytes);
      damaged[offset] = (damaged[offset] ?? 0) ^ (1 << bit);
      await writeFile(path, damaged);
      const bad: VerifyFinding[] = [];
      const result = await verifyArchive(archive.store, (finding) => finding.bad && bad.push(finding));
      assert.ok(result.bad > 0, 'it is found');
      assert.ok(
        bad.some((it) => it.segment === segment.path),
        'with the segment',
      );
      // By its position, or as the number that is missing where its metadata can no longer be believed.
      const named = (it: VerifyFinding): boolean => it.position === `${log.writer}:2` || /\brecord 2 of/.test(it.text);
      assert.ok(bad.some(named), JSON.stringify(bad));
    }),
    { numRuns: 150 },
  );
});
