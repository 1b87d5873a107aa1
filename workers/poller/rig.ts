import { hash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { type ArchiveLog, openArchiveLog } from '../archive/log.ts';
import { type ArchiveItem, type MessageRecord, readArchive, readMessage } from '../archive/reader.ts';
import { openFileStore } from '../archive/store-file.ts';
import { systemClock } from '../process/clock.ts';
import type { Attempt, ConnectionFacts, PollerConnection, PollerGroup } from '../process/contract.ts';
import { createFactsBoard, type FactsBoard } from '../process/facts-board.ts';
import { type Logger, silentLogger } from '../process/logger.ts';
import { createPoller, type PollerOptions } from './poller.ts';

const DEADLINE_MS = 15_000;

/** A poller in this process, with a real archive log in a temporary folder. For tests and benchmarks. */
export interface PollerRig extends AsyncDisposable {
  readonly archive: string;
  readonly board: FactsBoard;
  readonly registry: Registry;
  readonly log: ArchiveLog;
  /** Serves these and no others; each is completed to an entry for one user's INBOX. */
  serve(...entries: Partial<PollerConnection>[]): Promise<void>;
  test(uid: string): Promise<Attempt>;
  /** Resolves when the facts of a connection are so. */
  until(uid: string, holds: (facts: ConnectionFacts) => boolean): Promise<ConnectionFacts>;
  /** The messages in the archive, with their bytes. */
  archived(): Promise<(MessageRecord & { bytes: Buffer })[]>;
  items(): Promise<ArchiveItem[]>;
  /** Ends the poller and its log, leaving the archive. */
  stop(): Promise<void>;
}

export interface RigOptions extends PollerOptions {
  /** An archive that is there already, and is left in place. */
  archive?: string;
  egress?: PollerGroup['egress'];
  bytesInFlight?: number;
  reserveBytes?: number;
  logger?: Logger;
}

export async function startPollerRig(options: RigOptions = {}): Promise<PollerRig> {
  const archive = options.archive ?? (await mkdtemp(join(tmpdir(), 'mailhold-poller-')));
  const writer = randomBytes(16).toString('hex');
  const software = 'Mailhold/test';
  const clock = systemClock;
  const registry = new Registry();
  const target = { path: archive, reserveBytes: options.reserveBytes ?? 0 };
  const log = await openArchiveLog({ target, writer, clock, logger: silentLogger, software });
  const board = createFactsBoard(
    writer,
    {
      gateway: { namespace: 'mailhold', name: 'default' },
      role: 'poller',
      software,
      startedAt: new Date().toISOString(),
      ready: false,
      archive: {},
      unknownRecipients: { count: 0 },
      failedHandshakes: [],
    },
    clock,
  );
  const group: PollerGroup = {
    version: 1,
    role: 'poller',
    shard: { index: 0, count: 1 },
    revision: 'g1',
    gateway: { namespace: 'mailhold', name: 'default' },
    archive: target,
    bytesInFlight: options.bytesInFlight ?? 32 * 1024 * 1024,
    egress: options.egress ?? { deny: [], allow: [] },
  };
  const logger = options.logger ?? silentLogger;
  const poller = createPoller({ clock, logger, registry, board, log, software }, group, options);
  const ended = new AbortController();
  const read = async (): Promise<ArchiveItem[]> => Array.fromAsync(readArchive(await openFileStore(archive)));
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await poller.stop(AbortSignal.timeout(DEADLINE_MS));
    await log.close();
    ended.abort();
  };

  return {
    archive,
    board,
    registry,
    log,
    serve: (...entries) => {
      const complete = entries.map(completed);
      return poller.apply({ group, entries: new Map(complete.map((entry) => [entry.uid, entry])) });
    },
    test: (uid) => poller.test(uid, () => undefined, ended.signal),
    until: async (uid, holds) => {
      const deadline = performance.now() + DEADLINE_MS;
      for (;;) {
        const facts = board.get(uid)?.facts;
        if (facts && holds(facts)) return facts;
        const left = deadline - performance.now();
        if (left <= 0) throw new Error(`not in time; facts are ${JSON.stringify(facts)}`);
        // Counters wake nobody, so they are looked at again.
        await board.changed(board.epoch, board.answer(board.epoch, Number.MAX_SAFE_INTEGER).change, 20, ended.signal);
      }
    },
    archived: async () => {
      const store = await openFileStore(archive);
      const records = (await read()).filter((item) => item.kind === 'message');
      return Promise.all(
        records.map(async (record) => ({
          ...record,
          bytes: Buffer.concat(await Array.fromAsync(readMessage(store, record))),
        })),
      );
    },
    items: read,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      if (options.archive === undefined) await rm(archive, { recursive: true, force: true });
    },
  };
}

function completed(entry: Partial<PollerConnection>): PollerConnection {
  const whole: Omit<PollerConnection, 'revision'> = {
    namespace: 'contoso',
    name: entry.uid ?? 'journal',
    uid: 'u1',
    generation: 1,
    state: 'Enabled',
    method: 'IMAP',
    host: 'localhost',
    port: 993,
    security: 'TLS',
    minimumTLS: 'TLSv1.2',
    user: 'ann',
    password: 'secret',
    folder: 'INBOX',
    afterArchive: 'Keep',
    pollIntervalMs: 3_600_000,
    maxSessions: 2,
    ...entry,
  };
  // An empty one stands for none, as where the operator could not read the Secret.
  if (whole.password === '') delete whole.password;
  return { revision: hash('sha256', JSON.stringify(whole)).slice(0, 16), ...whole };
}
