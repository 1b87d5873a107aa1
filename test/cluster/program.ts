import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const READY_MS = 60_000;
const LOOK_AGAIN_MS = 50;
const SHOWN_LINES = 20;

/** Where programs run, and where their output goes. */
export interface Place {
  /** The cluster's folder; each program writes `logs/NAME.log` in it. */
  folder: string;
  /** What a command is put after, to run it there: empty, or nsenter with its options. */
  enter: readonly string[];
}

export interface Program extends AsyncDisposable {
  name: string;
  /** True once it ended. */
  ended(): boolean;
  /** Resolves when `look` does not fail any more; rejects with the program's last words, after a minute or when it ended. */
  ready(look: () => Promise<unknown>): Promise<void>;
}

/** Starts a program that runs until it is disposed of, or this process ends, however it ends. */
export async function startProgram(
  { folder, enter }: Place,
  name: string,
  command: string,
  args: readonly string[],
): Promise<Program> {
  await mkdir(join(folder, 'logs'), { recursive: true });
  const log = join(folder, 'logs', `${name}.log`);
  const output = openSync(log, 'a');
  const [file = command, ...rest] = [...mortal(enter), ...mortal([command, ...args])];
  // A group of its own: Ctrl-C at a terminal is for the runner, which then ends us in order.
  const child = spawn(file, rest, { stdio: ['ignore', output, output], detached: true });
  closeSync(output);
  const failure = new Promise<Error>((resolve) => child.once('error', resolve));
  const ended = (): boolean => child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
  return {
    name,
    ended,
    ready: async (look) => {
      const deadline = performance.now() + READY_MS;
      for (;;) {
        const problem = child.pid === undefined ? await failure : await look().then(() => undefined, asError);
        if (problem === undefined) return;
        if (ended() || performance.now() > deadline) {
          throw new Error(`${name} did not become ready:\n${await lastWords(log)}`, { cause: problem });
        }
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      }
    },
    [Symbol.asyncDispose]: () => kill(child),
  };
}

/**
 * The command made to die with its parent (PR_SET_PDEATHSIG, prctl(2)): a runner that is killed has no time to end what
 * it started.
 */
export function mortal(command: readonly string[]): string[] {
  return command.length === 0 ? [] : ['setpriv', '--pdeathsig', 'KILL', ...command];
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

async function lastWords(log: string): Promise<string> {
  return (await readFile(log, 'utf8')).trimEnd().split('\n').slice(-SHOWN_LINES).join('\n');
}

function asError(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause));
}
