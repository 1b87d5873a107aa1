import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { envelope, testArchive } from '../../workers/archive/test-archive.ts';
import { findWarcio } from '../peers/warcio.ts';

const warcio = findWarcio();

test('warcio accepts every segment, and finds a flipped bit', {
  skip: typeof warcio === 'string' ? warcio : false,
}, async () => {
  if (typeof warcio === 'string') return;
  await using archive = await testArchive();
  const log = await archive.open();
  const messages = [
    Buffer.alloc(0),
    Buffer.from('Subject: one\r\n\r\nbody\r\n'),
    Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
    Buffer.from('\r\n\r\nWARC/1.1\r\nWARC-Type: resource\r\n\r\n'),
    // Past the bound: a segment of its own.
    Buffer.alloc(1_500_000, 'large '),
  ];
  for (const message of messages) await log.append(message, envelope);
  await log.append(Buffer.from('pulled'), {
    ...envelope,
    capture: {
      kind: 'imap',
      host: 'imap.example.com',
      port: 993,
      user: 'jörg@example.com',
      folder: 'Posteingang/Ärger & Müll',
      uidValidity: '1',
      uid: 4_294_967_295,
    },
  });
  await log.appendEvent({ type: 'example', at: '2026-01-01T00:00:00Z', data: {} });
  await log.close();
  const paths = (await archive.store.listSegments()).map((segment) => join(archive.folder, segment.path));
  assert.equal(paths.length, 2);
  const checked = warcio.check(paths);
  assert.equal(checked.code, 0, checked.output);
  // Two beginnings, six messages, of which warcio does not check the empty one, their metadata, an event, two endings.
  assert.equal(checked.output.match(/digest pass/g)?.length, 2 + 5 + 6 + 1 + 2, checked.output);

  const [first = ''] = paths.filter((path) => path.endsWith('0000001.warc'));
  const bytes = await readFile(first);
  const at = bytes.indexOf('Subject: one');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(first, bytes);
  assert.notEqual(warcio.check([first]).code, 0);
});
