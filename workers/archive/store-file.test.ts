import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { storeConformance } from './store-conformance.ts';
import { openFileStore } from './store-file.ts';

storeConformance('file store', async (run) => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-store-'));
  try {
    await run(await openFileStore(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('file store: a folder that is not there is not made, since its volume may be missing', async () => {
  await assert.rejects(openFileStore(join(tmpdir(), 'mailhold-not-there')), { code: 'ENOENT' });
});
