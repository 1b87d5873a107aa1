import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';

/** What a command said, and its exit code; no code is thrown for. */
export interface Outcome {
  stdout: string;
  stderr: string;
  /** -1 where a signal ended it. */
  code: number;
}

export interface CommandOptions {
  /** For its standard input. */
  input?: string | Buffer;
  /** Left out: this process's own. */
  env?: Record<string, string | undefined>;
}

/** Runs a command to its end. Rejects only where there is no such command. */
export async function outcomeOf(
  command: string,
  args: readonly string[],
  { input = '', env = process.env }: CommandOptions = {},
): Promise<Outcome> {
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  // A command that refuses its arguments ends before it reads.
  child.stdin.once('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { stdout, stderr, code: typeof code === 'number' ? code : -1 };
}
