import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PollerConnection, PollerGroup } from '../../../workers/process/contract.ts';
import { workerConfiguration } from './worker-configuration.ts';

const group: PollerGroup = {
  version: 1,
  role: 'poller',
  shard: { index: 0, count: 1 },
  revision: 'g1',
  gateway: { namespace: 'mailhold', name: 'default' },
  archive: { path: '/archive', reserveBytes: 1 },
  bytesInFlight: 1,
  egress: { deny: [], allow: [] },
};

const entry = (uid: string, revision = 'r1'): PollerConnection => ({
  uid,
  namespace: 'contoso',
  name: uid,
  generation: 1,
  revision,
  state: 'Enabled',
  method: 'IMAP',
  host: 'imap.contoso.com',
  port: 993,
  security: 'TLS',
  minimumTLS: 'TLSv1.2',
  user: 'me',
  password: 'secret',
  folder: 'INBOX',
  afterArchive: 'Keep',
  pollIntervalMs: 60_000,
  maxSessions: 2,
});

const bucketOf = (uid: string): number => Number(uid) % 16;

test('only files whose content is new are written', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-worker-configuration-'));
  t.after(() => rm(folder, { recursive: true }));
  const configuration = workerConfiguration(folder, bucketOf);

  assert.equal((await configuration.write(group, [entry('1'), entry('17'), entry('2')])).length, 17);
  const bucket = join(folder, 'connections-01', 'entries.json');
  assert.deepEqual(JSON.parse(await readFile(bucket, 'utf8')), { version: 1, entries: [entry('1'), entry('17')] });
  assert.equal((await stat(bucket)).mode & 0o777, 0o600);
  assert.equal((await stat(join(folder, 'connections-01'))).mode & 0o777, 0o700);

  assert.deepEqual(
    await configuration.write(group, [entry('2'), entry('17'), entry('1')]),
    [],
    'the order says nothing',
  );
  assert.deepEqual(await configuration.write(group, [entry('1'), entry('17'), entry('2', 'r2')]), [
    'connections-02/entries.json',
  ]);
  assert.deepEqual(await configuration.write({ ...group, revision: 'g2' }, [entry('1'), entry('2', 'r2')]), [
    'connections-01/entries.json',
    'group/config.json',
  ]);
});

test('what a run before left is replaced where it differs', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-worker-configuration-'));
  t.after(() => rm(folder, { recursive: true }));
  await workerConfiguration(folder, bucketOf).write(group, [entry('1'), entry('2')]);
  assert.deepEqual(await workerConfiguration(folder, bucketOf).write(group, [entry('2')]), [
    'connections-01/entries.json',
  ]);
});

test('a folder that was deleted while it was served is written anew', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-worker-configuration-'));
  t.after(() => rm(folder, { recursive: true }));
  const configuration = workerConfiguration(join(folder, 'poller'), bucketOf);
  await configuration.write(group, [entry('1')]);
  await rm(join(folder, 'poller'), { recursive: true });
  assert.equal((await configuration.write(group, [entry('1')])).length, 17);
});
