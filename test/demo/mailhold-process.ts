import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** The command as a person types it. */
export const COMMAND = join(import.meta.dirname, '../../cli/mailhold');

/** Time for an orderly end. */
const END_MS = 10_000;
const LARGEST_MESSAGE = 64 * 1024 * 1024;

export interface MailholdProcess extends AsyncDisposable {
  /** Rejects when it ends before anybody asked it to, with its last words. */
  readonly ended: Promise<never>;
}

/** `mailhold run`; resolves when it serves its status. */
export async function startMailhold(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<MailholdProcess> {
  const child = spawn(COMMAND, ['run', ...args], { env: { ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  const words: string[] = [];
  const serving = Promise.withResolvers<void>();
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words.push(text);
    if (words.join('').includes('/status.')) serving.resolve();
  });
  let stopping = false;
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', () => {
      if (!stopping) reject(new Error(`mailhold run ended: ${words.join('').trim()}`));
    });
  });
  // Awaited below and by the caller; an end in between is no unhandled rejection.
  ended.catch(() => undefined);
  await Promise.race([serving.promise, ended]);
  return {
    ended,
    [Symbol.asyncDispose]: async () => {
      stopping = true;
      await stop(child);
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const kill = setTimeout(() => child.kill('SIGKILL'), END_MS);
  await exited;
  clearTimeout(kill);
}

/** Standard output of a command of Mailhold, as bytes. */
export function outputOf(args: readonly string[], signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    execFile(COMMAND, args, { encoding: 'buffer', maxBuffer: LARGEST_MESSAGE, signal }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`mailhold ${args.join(' ')}: ${stderr.toString().trim() || error.message}`));
    });
  });
}
