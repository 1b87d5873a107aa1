import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { deliver } from '../../test/peers/imap-server/mailbox.ts';
import { startImapServer } from '../../test/peers/imap-server/server.ts';
import { readArchive } from '../archive/reader.ts';
import { openFileStore } from '../archive/store-file.ts';
import type { PollerConnection, PollerGroup } from '../process/contract.ts';

const MESSAGES = 3_000;
const KILLS = 6;
const DEADLINE_MS = 30_000;

/** Bytes of all segments, as a cheap sign of how far a pull is. */
async function segmentBytes(archive: string): Promise<number> {
  const entries = await readdir(archive, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile() && entry.name.includes('.warc'));
  const sizes = await Promise.all(files.map(async (file) => (await stat(join(file.parentPath, file.name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, 'in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function uidsIn(archive: string): Promise<number[]> {
  const uids: number[] = [];
  for await (const item of readArchive(await openFileStore(archive))) {
    if (item.kind === 'message' && item.metadata.capture.kind === 'imap') uids.push(item.metadata.capture.uid);
  }
  return uids;
}

test('a worker that is killed again and again in the middle of a pull loses no message and stores none twice', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-kill-'));
  const archive = join(folder, 'archive');
  await using server = await startImapServer();
  deliver(server.inbox, ...Array.from({ length: MESSAGES }, (_, n) => `Subject: ${n}\r\n\r\n${'x'.repeat(n % 700)}`));
  const group: PollerGroup = {
    version: 1,
    role: 'poller',
    shard: { index: 0, count: 1 },
    revision: 'g1',
    gateway: { namespace: 'mailhold', name: 'default' },
    archive: { path: archive, reserveBytes: 0 },
    bytesInFlight: 32 * 1024 * 1024,
    egress: { deny: [], allow: [] },
  };
  const entry: PollerConnection = {
    namespace: 'contoso',
    name: 'journal',
    uid: 'u1',
    generation: 1,
    revision: 'r1',
    state: 'Enabled',
    method: 'IMAP',
    host: 'localhost',
    port: server.port,
    security: 'TLS',
    minimumTLS: 'TLSv1.2',
    caBundle: server.certificate,
    user: 'ann',
    password: 'secret',
    folder: 'INBOX',
    afterArchive: 'Keep',
    pollIntervalMs: 100,
    maxSessions: 2,
  };
  const config = join(folder, 'config');
  for (const path of [archive, join(config, 'group'), join(config, 'connections-00')]) {
    await mkdir(path, { recursive: true });
  }
  await writeFile(join(config, 'connections-00', 'entries.json'), JSON.stringify({ version: 1, entries: [entry] }));
  await writeFile(join(config, 'group', 'config.json'), JSON.stringify(group));
  const start = (): ChildProcess =>
    spawn(
      process.execPath,
      [
        join(import.meta.dirname, 'main.ts'),
        '--config',
        config,
        '--status',
        join(folder, 'status'),
        '--exit-with-stdin',
      ],
      { stdio: ['pipe', 'ignore', 'inherit'] },
    );
  let worker = start();
  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const before = await segmentBytes(archive);
      // Some hundred messages further on.
      await until(async () => (await segmentBytes(archive)) > before + 100_000 + kill * 40_000);
      worker.kill('SIGKILL');
      await once(worker, 'exit');
      worker = start();
    }
    await until(async () => (await uidsIn(archive)).length >= MESSAGES);
    // Two more polls, which must find nothing to do.
    const fetches = server.transcript.length;
    await until(async () => server.transcript.slice(fetches).filter((line) => line === 'LOGOUT').length >= 2);
    const uids = await uidsIn(archive);
    assert.equal(new Set(uids).size, MESSAGES);
    assert.equal(uids.length, MESSAGES);
  } finally {
    worker.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
});
