import assert from 'node:assert/strict';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { envelope, testArchive } from './test-archive.ts';
import { type VerifyFinding, type VerifyProgress, verifyArchive } from './verify.ts';

test('a whole archive is verified with its counts, and progress goes to the end', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  for (const text of ['one', 'two', 'three']) await log.append(Buffer.from(text), envelope);
  await log.appendEvent({ type: 'example', at: '2026-01-01T00:00:00Z', data: {} });
  await log.close();
  const progress: VerifyProgress[] = [];
  const result = await verifyArchive(
    archive.store,
    (finding) => assert.fail(finding.text),
    (now) => progress.push(now),
  );
  assert.deepEqual(result, { messages: 3, events: 1, messageBytes: 11, bad: 0 });
  assert.equal(progress.at(-1)?.done, progress.at(-1)?.total);
});

test('a flipped bit is told with position, segment and offset', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  await log.append(Buffer.from('first message'), envelope);
  const { position } = await log.append(Buffer.from('second message'), envelope);
  await log.close();
  const [record] = (await archive.read({ after: new Map([[log.writer, 1]]) })).messages;
  assert.ok(record);
  const file = await open(join(archive.folder, record.segment.path), 'r+');
  await file.write(Buffer.from('S'), 0, 1, record.blockOffset);
  await file.close();
  const findings: VerifyFinding[] = [];
  const result = await verifyArchive(archive.store, (finding) => findings.push(finding));
  assert.equal(result.bad, 1);
  assert.deepEqual(findings, [
    {
      bad: true,
      position: `${log.writer}:${position.number}`,
      segment: record.segment.path,
      offset: record.offset,
      text: 'the bytes of the message do not agree with their digest',
    },
  ]);
});
