import { createHash } from 'node:crypto';
import { lstat, mkdir, realpath, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StartupError, systemCode } from './startup-error.ts';

/** What a holder tells a second run about itself. */
export interface LockHolder {
  pid: number;
  /** URL of its status server, once it listens. */
  http?: string;
}

export interface StateLock extends AsyncDisposable {
  /** A private folder with a short path for sockets: a socket's path may have at most about 100 bytes. */
  readonly socketFolder: string;
  announce(holder: LockHolder): void;
}

const ANSWER_MS = 1_000;

/**
 * Makes sure that one process alone uses a state folder. The proof is a listening socket, which the system closes with
 * the process, whatever ends it; a pid file could name a process that has long been another one.
 *
 * @throws StartupError AlreadyRunning, with the holder's pid and URL; StateNotUsable
 */
export async function lockState(stateFolder: string, self: LockHolder): Promise<StateLock> {
  const id = createHash('sha256')
    .update(await realpath(stateFolder))
    .digest('hex')
    .slice(0, 20);
  const socketFolder = await privateFolder(join(tmpdir(), `mailhold-${process.getuid?.() ?? 0}-${id}`));
  // Linux has names without a file, so that nothing stale can be left behind.
  const abstract = process.platform === 'linux';
  const path = abstract ? `\0mailhold-${process.getuid?.() ?? 0}-${id}` : join(socketFolder, 'lock');
  let holder = self;
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.end(JSON.stringify(holder));
  });
  if (!(await listen(server, path))) {
    const other = await askHolder(path);
    if (other === undefined && !abstract) {
      await rm(path, { force: true });
      if (await listen(server, path)) return held();
    }
    throw new StartupError('AlreadyRunning', 'never', alreadyRunning(stateFolder, other ?? (await askHolder(path))));
  }
  return held();

  function held(): StateLock {
    return {
      socketFolder,
      announce: (next) => {
        holder = next;
      },
      [Symbol.asyncDispose]: async () => {
        for (const socket of open) socket.destroy();
        await new Promise<void>((resolve) => server.close(() => resolve()));
        await rm(socketFolder, { recursive: true, force: true });
      },
    };
  }
}

function alreadyRunning(stateFolder: string, other: LockHolder | undefined): string {
  const who = other === undefined ? 'another process' : `process ${other.pid}${other.http ? ` (${other.http})` : ''}`;
  return `${who} already runs with the state folder ${stateFolder}; stop it first, or give this one another folder with --state.`;
}

/** False where somebody listens there already. */
function listen(server: Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else
        reject(new StartupError('StateNotUsable', 'never', `The lock cannot be taken (${error.code ?? 'unknown'}).`));
    };
    server.once('error', failed);
    server.listen(path, () => {
      server.off('error', failed);
      resolve(true);
    });
  });
}

function askHolder(path: string): Promise<LockHolder | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = createConnection(path);
    const timer = setTimeout(() => socket.destroy(), ANSWER_MS);
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      if (text.length < 4_096) text += chunk;
    });
    // 'close' follows and answers.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(parseHolder(text));
    });
  });
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const value = JSON.parse(text) as { pid?: unknown; http?: unknown };
    if (typeof value.pid !== 'number') return undefined;
    return { pid: value.pid, ...(typeof value.http === 'string' && { http: value.http }) };
  } catch {
    // Cut short, or not ours: then we know only that somebody holds it.
    return undefined;
  }
}

/** Anybody may make folders under the temporary one, so ours must be ours and closed to others. */
async function privateFolder(path: string): Promise<string> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  const stat = await lstat(path);
  const mine = process.getuid === undefined || stat.uid === process.getuid();
  if (!stat.isDirectory() || !mine || (stat.mode & 0o077) !== 0) {
    throw new StartupError('StateNotUsable', 'never', `${path} is not a private folder of this user; remove it.`);
  }
  return path;
}
