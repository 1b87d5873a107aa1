import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { type ArchiveLog, openArchiveLog } from '../archive/log.ts';
import { type Clock, systemClock, timestamp } from './clock.ts';
import { type Configuration, watchConfiguration } from './configuration.ts';
import type { Attempt, ConnectionEntry, StageResult, WorkerGroup } from './contract.ts';
import { createFactsBoard, type FactsBoard } from './facts-board.ts';
import { sayLastWords, sentenceOf } from './last-words.ts';
import { openLateLog } from './late-log.ts';
import { createLineWriter } from './line-writer.ts';
import { jsonLogger, type Logger } from './logger.ts';
import { startProbeServer } from './probe-server.ts';
import { type FollowedKeys, followStatusKeys } from './status-keys.ts';
import { startStatusServer } from './status-server.ts';
import { readWorkerFlags, USAGE, type WorkerFlags } from './worker-flags.ts';

/** How long a stopping worker may finish what is in flight. A pod's grace period must exceed it. */
const GRACE_MS = 20_000;
/** How long it may then take to close the archive; a disk that hangs must not keep the process. */
const CLOSING_MS = 4_000;

/** What the process gives to the worker that runs in it. */
export interface WorkerContext {
  clock: Clock;
  logger: Logger;
  registry: Registry;
  board: FactsBoard;
  log: ArchiveLog;
  /** `Mailhold/0.1.0`: what records and greetings name. */
  software: string;
}

/** A receiver or a poller, as the process sees it. */
export interface Worker<G extends WorkerGroup, E extends ConnectionEntry> {
  /**
   * Serves this configuration from the moment it resolves: entries added, changed and removed without touching the
   * others. Calls `board.serve` and `board.remove` itself, and `board.updateGroup({revision, ready})` at the end.
   */
  apply(configuration: Configuration<G, E>): Promise<void>;
  test(uid: string, emit: (stage: StageResult) => void, signal: AbortSignal): Promise<Attempt>;
  /** Takes nothing new, finishes what is in flight, at the latest when `signal` aborts. */
  stop(signal: AbortSignal): Promise<void>;
}

/** The life of a worker process: flags (worker-flags.ts), configuration, archive log, status, probes, signals. */
export async function runWorker<G extends WorkerGroup, E extends ConnectionEntry>(
  role: G['role'],
  start: (context: WorkerContext, group: G) => Promise<Worker<G, E>>,
): Promise<void> {
  const clock = systemClock;
  const software = `Mailhold/${version()}`;
  const writer = randomBytes(16).toString('hex');
  const lines = createLineWriter((text) => process.stdout.write(text));
  // The last words of a process are what one looks for.
  process.on('exit', lines.flush);
  const logger = jsonLogger(lines.write, clock.now, { worker: role });
  // An error that nobody caught still ends the process as Node does it, with its stack trace on standard error.
  process.on('uncaughtExceptionMonitor', (error) => sayLastWords(error, logger, process.env.TERMINATION_LOG));
  const flags = flagsOrEnd(role, logger);
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const ending = new AbortController();
  const board = createFactsBoard(
    writer,
    {
      gateway: { namespace: '', name: '' },
      role,
      software,
      startedAt: timestamp(clock),
      ready: false,
      archive: {},
      unknownRecipients: { count: 0 },
      failedHandshakes: [],
    },
    clock,
  );

  let running: { worker: Worker<G, E>; log: ArchiveLog; archive: string } | undefined;
  const apply = async (configuration: Configuration<G, E>): Promise<void> => {
    const { group } = configuration;
    if (running !== undefined && running.archive !== group.archive.path) {
      // Another archive is another log; a new process is the simplest way to never mix the two.
      logger.info('archive-changed');
      await stop();
      return;
    }
    if (running === undefined) {
      board.updateGroup({ gateway: group.gateway });
      const log = await openLateLog(writer, () =>
        openArchiveLog({ target: group.archive, writer, clock, logger, software, registry }),
      );
      const follow = (): void => {
        board.updateGroup({
          archive: {
            ...(log.archiveId !== '' && { id: log.archiveId }),
            ...(log.freeBytes !== undefined && { freeBytes: log.freeBytes }),
            ...(log.lastCommitAt !== undefined && { lastCommitAt: log.lastCommitAt }),
          },
        });
      };
      log.onChange(follow);
      follow();
      const worker = await start({ clock, logger, registry, board, log, software }, group);
      running = { worker, log, archive: group.archive.path };
    }
    await running.worker.apply(configuration);
  };

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= (async () => {
      logger.info('stopping');
      // First of all: whoever asks for readiness sends nothing more here.
      board.updateGroup({ ready: false });
      setTimeout(() => {
        logger.error('stop-overdue');
        process.exit(1);
      }, GRACE_MS + CLOSING_MS).unref();
      await running?.worker.stop(AbortSignal.timeout(GRACE_MS));
      await running?.log.close();
      ending.abort();
      logger.info('stopped');
      process.exit(0);
    })();
    return stopping;
  };
  const asked = (): void => {
    // The second request to stop is meant: what is acknowledged is durable already.
    if (stopping !== undefined) process.exit(1);
    void stop();
  };
  process.on('SIGTERM', asked);
  process.on('SIGINT', asked);
  if (flags.exitWithStdin) {
    process.stdin.resume();
    process.stdin.once('end', () => void stop());
    process.stdin.once('error', () => void stop());
  }

  const serveStatus = (keys?: FollowedKeys): Promise<number> =>
    startStatusServer({
      listen: flags.status,
      ...(keys !== undefined && { keys }),
      board,
      registry,
      test: (uid, emit, signal) => {
        if (running === undefined) return Promise.reject(new Error('no configuration yet'));
        return running.worker.test(uid, emit, signal);
      },
      signal: ending.signal,
    });
  if (flags.probes !== undefined) await startProbeServer(flags.probes, { board, registry }, ending.signal);
  if (flags.statusTls === undefined) await serveStatus();
  // Mail does not wait for the keys of the status: without them it is only the operator that does not see it.
  else void followStatusKeys(flags.statusTls, logger, ending.signal).then(serveStatus);
  watchConfiguration<G, E>({ folder: flags.config, role, onChange: apply, logger, signal: ending.signal });
}

function flagsOrEnd(role: WorkerGroup['role'], logger: Logger): WorkerFlags {
  try {
    return readWorkerFlags(process.argv.slice(2));
  } catch (error) {
    sayLastWords(error, logger, process.env.TERMINATION_LOG);
    process.stderr.write(`${sentenceOf(error)}\nusage: ${role} ${USAGE}\n`);
    process.exit(2);
  }
}

function version(): string {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  return version;
}
