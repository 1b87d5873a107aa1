import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ReceiverConnection, ReceiverGroup } from '../../process/contract.ts';
import { eventually, testGroup } from './receiver.ts';

const MAIN = join(import.meta.dirname, '..', 'main.ts');
/** Without a cache Node loads its type stripper into the process, which takes 30 MB that a built worker does not have. */
const COMPILE_CACHE = join(import.meta.dirname, '..', '..', '..', 'build', 'compile-cache');

export interface WorkerProcess extends AsyncDisposable {
  child: ChildProcess;
  port: number;
  /** The folder of its archive. */
  archive: string;
  /** Highest and present resident memory, in MB. */
  memory(): Promise<{ peak: number; now: number }>;
  /** CPU seconds used so far. */
  cpu(): Promise<number>;
}

/**
 * The receiver as it runs in production: its own process, its configuration folder, the real archive log.
 *
 * @param flags more of them
 * @param through a command that starts the process, such as `unshare`
 */
export async function startWorker(
  entries: ReceiverConnection[],
  changes: Partial<ReceiverGroup> = {},
  flags: readonly string[] = [],
  through: readonly string[] = [],
): Promise<WorkerProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-receiver-'));
  const archive = join(folder, 'archive');
  const config = join(folder, 'config');
  await mkdir(archive);
  for (const name of ['group', 'connections-00']) await mkdir(join(config, name), { recursive: true });
  const group = testGroup({ archive: { path: archive, reserveBytes: 0 }, ...changes });
  await writeFile(join(config, 'group', 'config.json'), JSON.stringify(group));
  await writeFile(join(config, 'connections-00', 'entries.json'), JSON.stringify({ version: 1, entries }));
  const [command = process.execPath, ...args] = [...through, process.execPath];
  const child = spawn(
    command,
    [...args, MAIN, '--config', config, '--status', join(folder, 'status.sock'), '--exit-with-stdin', ...flags],
    { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, NODE_COMPILE_CACHE: COMPILE_CACHE } },
  );
  const ended = once(child, 'exit');
  const port = await new Promise<number>((resolve, reject) => {
    void ended.then(() => reject(new Error('the receiver ended')));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const fields = JSON.parse(line) as { event: string; port?: number };
      if (fields.event === 'listening' && fields.port !== undefined) resolve(fields.port);
    });
  });
  await eventually(() => ready(join(folder, 'status.sock')), 'the receiver is ready', 10_000);
  return {
    child,
    port,
    archive,
    memory: async () => {
      const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
      const read = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
      return { peak: read('VmHWM'), now: read('VmRSS') };
    },
    cpu: async () => {
      const fields = (await readFile(`/proc/${child.pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin?.end();
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What `GET /readyz` says. */
function ready(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    get({ socketPath, path: '/readyz' }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    }).on('error', () => resolve(false));
  });
}
