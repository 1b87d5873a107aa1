import assert from 'node:assert/strict';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestAgrees } from './reader.ts';
import { envelope, type TestArchive, testArchive } from './test-archive.ts';

const TEXTS = ['first message', 'second message', 'third message'];

/** An archive of three messages in one closed segment. */
async function threeMessages(): Promise<TestArchive & { segment: string; bytes: Buffer }> {
  const archive = await testArchive();
  const log = await archive.open();
  for (const text of TEXTS) await log.append(Buffer.from(text), envelope);
  await log.close();
  const [segment] = await archive.store.listSegments();
  assert.ok(segment);
  const path = join(archive.folder, segment.path);
  return { ...archive, segment: path, bytes: await readFile(path) };
}

test('a flipped bit anywhere in a record is found, and the other messages are still read', async () => {
  await using archive = await threeMessages();
  const from = archive.bytes.indexOf('second message');
  const parts: [what: string, offset: number][] = [
    ['the message', from],
    ['the digest in the head', archive.bytes.lastIndexOf('sha256:', from) + 9],
    ['the length in the head', archive.bytes.lastIndexOf('Content-Length', from) + 16],
    ['the version line', archive.bytes.lastIndexOf('WARC/1.1', from)],
    ['the metadata', archive.bytes.indexOf('"contoso"', from) + 2],
  ];
  for (const [what, offset] of parts) {
    const damaged = Buffer.from(archive.bytes);
    damaged[offset] = (damaged[offset] ?? 0) ^ 1;
    await writeFile(archive.segment, damaged);
    const { messages, findings } = await archive.read();
    const agreeing = [];
    for (const record of messages) if (await digestAgrees(archive.store, record)) agreeing.push(record.position.number);
    assert.deepEqual(agreeing, [1, 3], what);
    assert.ok(messages.length === 3 || findings.some((finding) => finding.bad), what);
  }
});

test('wherever a segment of a writer that was killed is cut, what is whole is read and nothing else', async () => {
  await using archive = await threeMessages();
  const [writer = ''] = await archive.store.writers();
  // As a kill leaves it: no word of a closing.
  await archive.store.writeMark(writer, JSON.stringify({ version: 1, writer, durable: 0, closed: false, beat: 1 }));
  const ends = TEXTS.map(
    (text) =>
      archive.bytes.indexOf(
        '\r\n\r\nWARC/1.1',
        archive.bytes.indexOf('"kind":"message"', archive.bytes.indexOf(text)),
      ) + 4,
  );
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: archive.bytes.length }), async (cut) => {
      await writeFile(archive.segment, archive.bytes.subarray(0, cut));
      const { messages, findings } = await archive.read();
      assert.equal(messages.length, ends.filter((end) => end <= cut).length);
      assert.ok(findings.every((finding) => finding.finding === 'torn' && !finding.bad));
    }),
    { numRuns: 150 },
  );
});

test('a message that the mark calls durable and that is gone is bad, not torn', async () => {
  await using archive = await threeMessages();
  await truncate(archive.segment, archive.bytes.indexOf('third message'));
  const { messages, findings } = await archive.read();
  assert.equal(messages.length, 2);
  assert.ok(findings.some((finding) => finding.bad && finding.finding === 'hole' && /record 3/.test(finding.text)));
});

test('a record whose pages were lost in a crash is not believed', async () => {
  await using archive = await threeMessages();
  const [writer = ''] = await archive.store.writers();
  await archive.store.writeMark(writer, JSON.stringify({ version: 1, writer, durable: 2, closed: false, beat: 1 }));
  const at = archive.bytes.indexOf('third message');
  await writeFile(archive.segment, Buffer.from(archive.bytes).fill(0, at, at + 13));
  const { messages, findings } = await archive.read();
  assert.equal(messages.length, 2);
  assert.deepEqual(
    findings.map(({ finding, bad }) => ({ finding, bad })),
    [{ finding: 'torn', bad: false }],
  );
});

test('a segment of a newer format is left alone and named', async () => {
  await using archive = await threeMessages();
  const { hash } = await import('node:crypto');
  const text = archive.bytes.toString('latin1');
  const block = /\{"kind":"message","format":1.*?\}(?=\r\n\r\n)/.exec(text)?.[0] ?? '';
  const newer = block.replace('"format":1', '"format":2');
  const changed = text.replace(block, newer).replace(hash('sha256', block, 'hex'), hash('sha256', newer, 'hex'));
  await writeFile(archive.segment, changed, 'latin1');
  const { findings } = await archive.read();
  assert.ok(findings.some((finding) => finding.finding === 'newer-format' && finding.bad));
});
