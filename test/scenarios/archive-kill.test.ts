import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { digestAgrees } from '../../workers/archive/reader.ts';
import { testArchive } from '../../workers/archive/test-archive.ts';
import { DEAD_AFTER_MS, startTidying } from '../../workers/archive/tidy.ts';
import { silentLogger } from '../../workers/process/logger.ts';

const SEEDS = 100;
/** Few enough for two cores, so that the writers do write before they are killed. */
const AT_ONCE = 4;

test('a writer killed at any moment loses nothing that it acknowledged', { timeout: 240_000 }, async (t) => {
  let acknowledged = 0;
  let torn = 0;
  const seeds = Array.from({ length: SEEDS }, (_, seed) => seed);
  const work = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const outcome = await killAndRead(seed);
      acknowledged += outcome.acknowledged;
      torn += outcome.torn;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  t.diagnostic(`${SEEDS} kills, ${acknowledged} acknowledged messages, ${torn} torn tails set aside`);
  assert.ok(acknowledged > SEEDS, 'the writers were killed while they wrote');
});

async function killAndRead(seed: number): Promise<{ acknowledged: number; torn: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-kill-'));
  try {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'archive-writer.ts'), folder, String(seed)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const output = text(child.stdout);
    // From the first acknowledgement on, so that every seed hits a writer at work; the moment within differs by seed.
    await once(child.stdout, 'readable');
    const moment = setTimeout(() => child.kill('SIGKILL'), (seed * 7) % 160);
    await exited;
    clearTimeout(moment);
    // The last line may be cut by the kill itself.
    const lines = (await output).split('\n').slice(0, -1);

    await using archive = await testArchive(folder);
    if (seed % 2 === 1) await breakOff(archive);
    const torn = await tidyAfter(archive);
    if (seed % 2 === 1) assert.equal(torn, 1, `seed ${seed}`);
    const { messages, findings } = await archive.read();
    assert.deepEqual(
      findings.filter((finding) => finding.bad),
      [],
      `seed ${seed}`,
    );
    const read = new Map(messages.map((record) => [record.position.number, record]));
    for (const line of lines) {
      const [number, sha256] = line.split(' ');
      const record = read.get(Number(number));
      assert.equal(record?.metadata.sha256, sha256, `seed ${seed}, message ${number}`);
      assert.ok(record && (await digestAgrees(archive.store, record)), `seed ${seed}, message ${number}`);
    }
    return { acknowledged: lines.length, torn };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A kill lets the kernel finish its write. What a power cut would leave of one more record is added by hand. */
async function breakOff(archive: Awaited<ReturnType<typeof testArchive>>): Promise<void> {
  const [segment] = (await archive.store.listSegments()).filter(({ kind }) => kind === 'group');
  assert.ok(segment);
  const path = join(archive.folder, segment.path);
  const bytes = await readFile(path);
  const record = bytes.indexOf('WARC/1.1\r\nWARC-Type: resource');
  // No small message was written yet: half of the head will do.
  await appendFile(path, record < 0 ? bytes.subarray(0, 60) : bytes.subarray(record, record + 400));
}

/** What the next worker does a minute later. Resolves to how many torn tails it reported. */
async function tidyAfter(archive: Awaited<ReturnType<typeof testArchive>>): Promise<number> {
  let now = 0;
  let torn = 0;
  const tidying = startTidying({
    store: archive.store,
    writer: 'the next one',
    clock: { now: Date.now, monotonic: () => now },
    logger: silentLogger,
    appendEvent: async (event) => {
      if (event.type === 'torn-tail') torn += 1;
      return { writer: 'the next one', number: torn };
    },
  });
  await tidying.look();
  now = DEAD_AFTER_MS;
  await tidying.look();
  await tidying.close();
  return torn;
}
