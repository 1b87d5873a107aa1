import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { bucketOf } from '../../operator/plan/bucket.ts';
import { workerConfiguration } from '../../operator/runtime/standalone/worker-configuration.ts';
import type { ConnectionEntry, StatusAnswer, WorkerGroup } from '../../workers/process/contract.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** As the command line has it: a worker that was started before has its code compiled. */
const COMPILED = join(ROOT, 'build', 'compiled');
const START_MS = 20_000;

export interface MailholdWorker extends AsyncDisposable {
  pid: number;
  /** Folder of its archive. It is there until {@link MailholdWorker.remove}. */
  archive: string;
  /** When the process was started, in ms since 1970. */
  startedAt: number;
  /** Serves these entries and no others from soon on. */
  serve(entries: readonly ConnectionEntry[]): Promise<void>;
  status(): Promise<StatusAnswer>;
  /** Asks every `everyMs` until the facts are so. @throws Error when they are not within `withinMs` */
  until(holds: (facts: StatusAnswer) => boolean, withinMs: number, everyMs?: number): Promise<StatusAnswer>;
  /** Ends the worker, orderly, and leaves its archive. */
  stop(): Promise<void>;
  /** Removes its folder, archive included; happens on disposal too. */
  remove(): Promise<void>;
}

export interface WorkerOptions<G extends WorkerGroup> {
  /** The group but for its archive, which is a new folder on the file system of the temporary folder. */
  group: Omit<G, 'archive'>;
  entries: readonly ConnectionEntry[];
  /** Flags for Node itself, before the worker's file. */
  nodeFlags?: readonly string[];
}

/** A receiver or a poller as it runs in production: a process of its own, a configuration folder, the real archive log. */
export async function startMailholdWorker<G extends WorkerGroup>(options: WorkerOptions<G>): Promise<MailholdWorker> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-bench-'));
  const archive = join(folder, 'archive');
  const config = join(folder, 'config');
  const socketPath = join(folder, 'status.sock');
  await mkdir(archive);
  // Spread, the union of groups is no longer one to the compiler.
  const group = { ...options.group, archive: { path: archive, reserveBytes: 1 << 20 } } as unknown as WorkerGroup;
  const configuration = workerConfiguration(config, bucketOf);
  await configuration.write(group, options.entries);

  const log = await open(join(folder, 'log'), 'w');
  const main = join(ROOT, 'workers', group.role, 'main.ts');
  const flags = ['--config', config, '--status', socketPath, '--exit-with-stdin'];
  const startedAt = Date.now();
  const child = spawn(process.execPath, [...(options.nodeFlags ?? []), main, ...flags], {
    stdio: ['pipe', log.fd, log.fd],
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
  });
  await log.close();
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.stdin?.end();
    await ended;
  };
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });

  const status = (): Promise<StatusAnswer> => ask(socketPath);
  const until: MailholdWorker['until'] = async (holds, withinMs, everyMs = 20) => {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const facts = await status().catch(() => undefined);
      if (facts !== undefined && holds(facts)) return facts;
      if (child.exitCode !== null || performance.now() > deadline) {
        const last = (await readFile(join(folder, 'log'), 'utf8')).split('\n').slice(-4).join('\n');
        throw new Error(`the ${group.role} did not get there in ${withinMs} ms; its log ends with ${last}`);
      }
      await pause(everyMs);
    }
  };
  try {
    await until(({ group }) => group.ready, START_MS);
  } catch (error) {
    await stop();
    await remove();
    throw error;
  }
  return {
    pid: child.pid ?? 0,
    archive,
    startedAt,
    serve: async (entries) => {
      await configuration.write(group, entries);
    },
    status,
    until,
    stop,
    remove,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await remove();
    },
  };
}

function ask(socketPath: string): Promise<StatusAnswer> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path: '/status', agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')) as StatusAnswer));
      response.once('error', reject);
    }).once('error', reject);
  });
}
