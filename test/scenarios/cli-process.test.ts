import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { envelope, testArchive } from '../../workers/archive/test-archive.ts';

const MAILHOLD = join(import.meta.dirname, '../../cli/mailhold');

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-scenario-'));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

function sh(script: string, env: NodeJS.ProcessEnv = process.env): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile('/bin/bash', ['--norc', '-c', script], { env }, (error, out, err) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, out, err });
    });
  });
}

test('the command finds itself through links, from any folder, with no Node in the path', async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'bin'));
  await symlink(MAILHOLD, join(folder, 'one'));
  await symlink('../one', join(folder, 'bin/mailhold'));
  const { code, out, err } = await sh(`cd / && ${folder}/bin/mailhold --version`, { PATH: '/usr/bin:/bin' });
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, /^mailhold \d/);
});

test('without the Node of the project it says what it needs, be the other Node too old or missing', async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'cli'));
  await mkdir(join(folder, 'old'));
  await copyFile(MAILHOLD, join(folder, 'cli/mailhold'));
  await writeFile(join(folder, 'old/node'), '#!/bin/sh\necho false\n', { mode: 0o755 });
  await symlink('/usr/bin/dirname', join(folder, 'old/dirname'));
  await mkdir(join(folder, 'none'));
  await symlink('/usr/bin/dirname', join(folder, 'none/dirname'));
  for (const path of ['old', 'none']) {
    const { code, err } = await sh(`${folder}/cli/mailhold status`, { PATH: join(folder, path) });
    assert.equal(code, 1);
    assert.equal(err, `mailhold needs Node 24 or newer; run 'npm ci' in ${folder}, which brings it.\n`);
  }
});

test('a reader that had enough is no failure', async (t) => {
  await using archive = await testArchive();
  const log = await archive.open();
  const stored = await log.append(Buffer.alloc(8 * 1024 * 1024, 'mail\r\n'), envelope);
  for (let n = 0; n < 3_000; n += 1) await log.append(Buffer.from(`${n}`), envelope);
  await log.close();
  for (const command of [`ls ${archive.folder} --limit 0`, `cat ${archive.folder} ${stored.sha256}`]) {
    const { code, out, err } = await sh(`set -o pipefail; ${MAILHOLD} archive ${command} | head -c 10`);
    assert.deepEqual([code, out.length, err], [0, 10, ''], command);
  }
  t.diagnostic('8 MiB and 3,001 lines, of which 10 bytes were read');
});

test('an error of ours shows a sentence, and where it happened only when asked', async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'a.yaml'));
  const { code, err } = await sh(`${MAILHOLD} validate ${folder}`);
  assert.equal(code, 1);
  assert.doesNotMatch(err, /\n\s+at /);
  const debug = await sh(`${MAILHOLD} validate ${folder}`, { ...process.env, MAILHOLD_DEBUG: '1' });
  assert.match(debug.err, /\n\s+at /);
});
