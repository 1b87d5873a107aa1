import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { digestAgrees, type MessageRecord } from '../../workers/archive/reader.ts';
import { type TestArchive, testArchive } from '../../workers/archive/test-archive.ts';
import { DEAD_AFTER_MS, startTidying } from '../../workers/archive/tidy.ts';
import { verifyArchive } from '../../workers/archive/verify.ts';
import { systemClock } from '../../workers/process/clock.ts';
import { silentLogger } from '../../workers/process/logger.ts';
import { entry } from '../../workers/receiver/testing/receiver.ts';
import { startWorker } from '../../workers/receiver/testing/worker.ts';
import { type Ledger, randomFrom, type Sent, sendUntilCut } from './sender-of-many.ts';

const SEEDS = 100;
/** Archives beside each other, one for each of two cores; the seeds of each run one after the other on it. */
const ARCHIVES = 2;
const CLIENTS = 4;
const CONNECTIONS = ['one', 'two', 'three'];
/** The kill comes at most so long after the clients began to send: a large message takes a good part of it. */
const LATEST_KILL_MS = 400;
const LONGEST_AIM_MS = 30;

test(`a receiver killed at ${SEEDS} random moments loses nothing that it acknowledged and shows nothing that was not sent`, {
  timeout: 240_000,
}, async (t) => {
  const lanes = Array.from({ length: ARCHIVES }, (_, lane) => lane);
  const outcomes = await Promise.all(lanes.map((lane) => killManyTimes(t, lane)));
  const sum = (of: (outcome: Outcome) => number): number => outcomes.reduce((total, one) => total + of(one), 0);
  t.diagnostic(
    `${SEEDS} kills on ${ARCHIVES} archives: ${sum((it) => it.acknowledged)} messages acknowledged (${sum((it) => it.large)} over 1 MiB), ` +
      `${sum((it) => it.unanswered)} stored without an answer, ${sum((it) => it.cut)} cut while they were sent and not readable, ` +
      `${sum((it) => it.torn)} torn tails and ${sum((it) => it.unfinished)} unfinished segments set aside`,
  );
  assert.ok(sum((it) => it.acknowledged) > SEEDS, 'the receivers were killed while they stored');
  assert.ok(sum((it) => it.cut) > SEEDS / 10, 'the receivers were killed while messages came');
  assert.ok(sum((it) => it.large) > 0, 'large messages were stored too');
});

interface Outcome {
  acknowledged: number;
  large: number;
  unanswered: number;
  cut: number;
  torn: number;
  unfinished: number;
}

/** Every {@link ARCHIVES}th seed from `lane` on, on one archive, which is read back at the end. */
async function killManyTimes(t: TestContext, lane: number): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-receiver-kill-'));
  t.after(() => rm(folder, { recursive: true }));
  const ledger: Ledger = { sent: [] };
  for (let seed = lane; seed < SEEDS; seed += ARCHIVES) await sendAndKill(folder, seed, ledger);

  await using archive = await testArchive(folder);
  const unfinished = (await unfinishedIn(folder)).length;
  const torn = await tidyAMinuteLater(archive);
  assert.deepEqual(await unfinishedIn(folder), []);
  // What comes after all these kills is taken as ever, by a receiver that ends in order.
  const last = await sendOneInOrder(folder);
  return { ...(await readBack(archive, [...ledger.sent, last], torn)), torn, unfinished };
}

async function sendAndKill(folder: string, seed: number, ledger: Ledger): Promise<void> {
  const random = randomFrom(seed);
  const entries = CONNECTIONS.map((name) => entry(name));
  await using worker = await startWorker(entries, { archive: { path: folder, reserveBytes: 0 } });
  const connected: Promise<void>[] = [];
  const clients = Array.from({ length: CLIENTS }, (_, client) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    connected.push(promise);
    return sendUntilCut({
      port: worker.port,
      name: `seed-${seed}-client-${client}`,
      connections: CONNECTIONS,
      random: randomFrom(seed * CLIENTS + client + 1_000),
      ledger,
      onConnected: resolve,
    });
  });
  const sending = Promise.all(clients);
  await Promise.race([Promise.all(connected), sending]);
  const killed = sleep(random() * LATEST_KILL_MS).then(() => {
    if (seed % 4 >= 2) waitForWrite(folder);
    worker.child.kill('SIGKILL');
  });
  await Promise.all([sending, killed]);
}

/**
 * Returns in the middle of a write where one comes: a group of messages is copied page by page, and a kill takes effect
 * between two of them. By chance alone that hardly ever happens. Blocks, since an event comes too late.
 */
function waitForWrite(folder: string): void {
  const deadline = performance.now() + LONGEST_AIM_MS;
  const newest = newestSegment(folder);
  const size = newest === undefined ? 0 : statSync(newest).size;
  while (performance.now() < deadline) if (newest !== undefined && statSync(newest).size > size + 100_000) return;
}

/** The segment that the newest writer writes to, if it has one. */
function newestSegment(folder: string): string | undefined {
  const hot = join(folder, 'hot');
  const writers = readdirSync(hot).map((writer) => join(hot, writer));
  const [newest] = writers.sort((a, b) => statSync(b).birthtimeMs - statSync(a).birthtimeMs);
  const name =
    newest === undefined
      ? undefined
      : readdirSync(newest)
          .filter((it) => /^\d+\.warc$/.test(it))
          .sort()
          .at(-1);
  return newest === undefined || name === undefined ? undefined : join(newest, name);
}

/** What the next worker does a minute later, and its events in the same archive. Resolves to how many tails it set aside. */
async function tidyAMinuteLater(archive: TestArchive): Promise<number> {
  const log = await archive.open();
  let now = 0;
  let torn = 0;
  const tidying = startTidying({
    store: archive.store,
    writer: log.writer,
    clock: { now: systemClock.now, monotonic: () => now },
    logger: silentLogger,
    appendEvent: (event) => {
      torn += 1;
      return log.appendEvent(event);
    },
  });
  await tidying.look();
  now = DEAD_AFTER_MS;
  await tidying.look();
  await tidying.close();
  await log.close();
  return torn;
}

async function sendOneInOrder(folder: string): Promise<Sent> {
  const ledger: Ledger = { sent: [] };
  await using worker = await startWorker(
    CONNECTIONS.map((name) => entry(name)),
    {
      archive: { path: folder, reserveBytes: 0 },
    },
  );
  await sendUntilCut({
    port: worker.port,
    name: 'after-all',
    connections: CONNECTIONS,
    random: randomFrom(SEEDS),
    ledger,
    messages: 1,
    onConnected: () => undefined,
  });
  const [sent] = ledger.sent;
  assert.ok(sent?.position, 'a receiver on the same archive acknowledges');
  return sent;
}

async function readBack(
  archive: TestArchive,
  sent: readonly Sent[],
  torn: number,
): Promise<Pick<Outcome, 'acknowledged' | 'large' | 'unanswered' | 'cut'>> {
  const { messages, events, findings } = await archive.read();
  assert.deepEqual(
    findings.filter(({ bad }) => bad),
    [],
  );
  assert.equal(events.filter(({ metadata }) => metadata.type === 'torn-tail').length, torn);
  const verified: string[] = [];
  const { bad } = await verifyArchive(archive.store, (finding) => finding.bad && verified.push(finding.text));
  assert.equal(bad, 0, verified.join('\n'));

  const kept = new Map<string, MessageRecord>();
  for (const record of messages) {
    const { sha256 } = record.metadata;
    assert.equal(kept.get(sha256), undefined, `stored twice: ${sha256}`);
    kept.set(sha256, record);
  }
  for (const one of sent) {
    const record = kept.get(one.sha256);
    if (one.position === undefined) {
      if (!one.complete) assert.equal(record, undefined, `${one.name} was not sent to its end, and is readable`);
      continue;
    }
    assert.ok(record, `${one.name} was acknowledged as ${one.position} and is not in the archive`);
    const { writer, number } = record.position;
    assert.equal(`${writer.slice(0, 8)}:${number}`, one.position, one.name);
    assert.equal(record.metadata.length, one.length, one.name);
    assert.deepEqual(
      record.metadata.targets.map(({ name }) => name),
      one.connections,
      one.name,
    );
    assert.ok(await digestAgrees(archive.store, record), one.name);
  }
  const known = new Set(sent.map(({ sha256 }) => sha256));
  for (const { metadata } of messages) assert.ok(known.has(metadata.sha256), 'readable, and never sent so');
  const [first] = messages;
  assert.ok(first);
  const bytes = await archive.bytesOf(first);
  assert.equal(createHash('sha256').update(bytes).digest('hex'), first.metadata.sha256);
  return {
    acknowledged: sent.filter(({ position }) => position !== undefined).length,
    large: sent.filter(({ position, length }) => position !== undefined && length > 1024 * 1024).length,
    unanswered: sent.filter(({ position, sha256 }) => position === undefined && kept.has(sha256)).length,
    cut: sent.filter(({ complete }) => !complete).length,
  };
}

/** Names of large segments that were never finished. */
async function unfinishedIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.partial'));
}
