import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { StandaloneStatus } from '../../operator/runtime/standalone/status-page.ts';
import {
  connectionManifest,
  light,
  message,
  type RunningStandalone,
  SMTP,
  send,
  standaloneFolder,
} from './running-standalone.ts';
import { mountMissing, mountTmpfs, type Tmpfs } from './tmpfs.ts';

const options = { skip: mountMissing ?? false };

/** Mailhold, not started yet, whose archive is a file system of its own. */
async function onDisk(t: TestContext, size: string): Promise<{ mailhold: RunningStandalone; disk: Tmpfs }> {
  const mailhold = await standaloneFolder(t);
  const disk = await mountTmpfs(size);
  // Asked for behind the end of Mailhold, which holds files of it.
  t.after(() => disk[Symbol.asyncDispose]());
  const gateway = await readFile(join(mailhold.folder, 'gateway.yaml'), 'utf8');
  await mailhold.put('gateway.yaml', gateway.replace('path: archive', `path: ${disk.folder}`));
  await mailhold.put('journal.yaml', connectionManifest('journal', SMTP));
  return { mailhold, disk };
}

/** `Ready` of the archive and of the gateway. */
function above({ archives, gateways }: StandaloneStatus): (string | undefined)[] {
  return [archives[0], gateways[0]].map((object) => {
    const ready = object?.status?.conditions?.find(({ type }) => type === 'Ready');
    return ready && `${ready.status} ${ready.reason}`;
  });
}

test('an archive that cannot be written is not Ready and says why, and heals by itself', options, async (t) => {
  const { mailhold, disk } = await onDisk(t, 'size=8m');
  disk.remount('ro');
  await mailhold.start();
  await mailhold.until('red', (status) => light(status, 'journal') === 'False ArchiveNotWritable');
  assert.match(message(mailhold.status(), 'journal'), /is on a file system that is mounted read-only/);
  await mailhold.until('red above', (status) => above(status).every((it) => it === 'False ArchiveNotWritable'));
  assert.equal((await fetch(`${mailhold.url()}/readyz`)).status, 503);
  disk.remount('rw');
  await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
  await mailhold.until('green above', (status) => above(status).every((it) => it?.startsWith('True')));
  await send(mailhold, mailhold.status().connections[0]?.status?.address ?? '');
});

test(
  'a disk that fills up to its reserve turns the light red, defers mail, and heals by itself',
  options,
  async (t) => {
    const { mailhold, disk } = await onDisk(t, 'size=8m');
    await mailhold.start();
    await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
    const address = mailhold.status().connections[0]?.status?.address ?? '';
    await send(mailhold, address);
    // The reserve of the manifest is 1 MiB.
    disk.remount('size=1m');
    await mailhold.until('red', (status) => light(status, 'journal') === 'False ArchiveFull');
    assert.match(message(mailhold.status(), 'journal'), /less than its reserve of 1\.0 MiB free/);
    await assert.rejects(send(mailhold, address), { responseCode: 452 });
    disk.remount('size=8m');
    await mailhold.until('green', (status) => light(status, 'journal') === 'True Succeeded');
    await send(mailhold, address);
  },
);
