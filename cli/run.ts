import { closeSync, openSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { StartupError } from '../operator/runtime/standalone/startup-error.ts';
import { runStandalone } from '../operator/runtime/standalone.ts';

export const usage = `usage: mailhold run FOLDER [--state DIR] [--http ADDRESS:PORT] [--log-file FILE] [--quiet]

Runs Mailhold on this machine with the manifests of FOLDER, and follows them as they change.

  --state DIR           where keys, certificates and statuses are kept (FOLDER/.mailhold)
  --http ADDRESS:PORT   loopback address of the status (127.0.0.1:8460)
  --log-file FILE       where the log goes, one JSON line per event, instead of standard output
  --quiet               no log on standard output
`;

/** What a command writes to, and where its settings come from. */
export interface RunIo {
  stdout: { write(text: string): unknown };
  stderr: { write(text: string): unknown };
  env?: Readonly<Record<string, string | undefined>>;
}

/** Signals that ask for an orderly end; the second one ends at once. What was acknowledged is durable already. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * `mailhold run`: serves until a signal ends it.
 *
 * @returns the exit code: 0 after an orderly end, 1 where it could not start, 2 for wrong arguments
 */
export async function run(args: readonly string[], io: RunIo): Promise<number> {
  const parsed = parse(args);
  if ('error' in parsed) {
    io.stderr.write(`mailhold run: ${parsed.error}\n\n${usage}`);
    return 2;
  }
  if (parsed.help) {
    io.stdout.write(usage);
    return 0;
  }
  const { folder, state, http, logFile, quiet } = parsed;
  const ending = Promise.withResolvers<NodeJS.Signals>();
  const onSignal = (signal: NodeJS.Signals): void => {
    for (const name of ENDING) process.on(name, endAtOnce);
    ending.resolve(signal);
  };
  const endAtOnce = (): void => process.exit(1);
  for (const name of ENDING) process.once(name, onSignal);
  try {
    using log = openLog(logFile, quiet, io);
    await using standalone = await runStandalone({
      folder,
      ...(state !== undefined && { state }),
      ...(http !== undefined && { http }),
      env: io.env ?? process.env,
      write: log.write,
    });
    io.stderr.write(`Mailhold serves the manifests of ${folder}; its status is at ${standalone.url}/status.\n`);
    const signal = await ending.promise;
    io.stderr.write(`${signal}: finishing what is in flight; once more ends at once.\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    io.stderr.write(`mailhold run: ${error.message}\n`);
    return error.code === 'InvalidOption' ? 2 : 1;
  } finally {
    for (const name of ENDING) process.off(name, onSignal).off(name, endAtOnce);
  }
}

interface Arguments {
  folder: string;
  state: string | undefined;
  http: string | undefined;
  logFile: string | undefined;
  quiet: boolean;
  help: boolean;
}

function parse(args: readonly string[]): Arguments | { error: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        state: { type: 'string' },
        http: { type: 'string' },
        'log-file': { type: 'string' },
        quiet: { type: 'boolean', short: 'q', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    const [folder, ...more] = positionals;
    if (!values.help && (folder === undefined || more.length > 0)) return { error: 'name one folder with manifests.' };
    const { state, http, quiet, help } = values;
    return { folder: folder ?? '', state, http, logFile: values['log-file'], quiet, help };
  } catch (error) {
    // parseArgs throws TypeErrors whose messages are written for the person at the keyboard.
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

interface OpenLog extends Disposable {
  write(line: string): void;
}

/** Writes are synchronous: a worker whose lines nobody takes waits, instead of our memory filling up. */
function openLog(file: string | undefined, quiet: boolean, io: RunIo): OpenLog {
  if (file === undefined) return openStandardLog(quiet, io);
  let descriptor: number;
  try {
    descriptor = openSync(file, 'a', 0o600);
  } catch (cause) {
    throw new StartupError('InvalidOption', 'never', `The log file ${file} cannot be opened.`, { cause });
  }
  let failing = false;
  return {
    write: (line) => {
      try {
        writeSync(descriptor, line);
        failing = false;
      } catch (error) {
        // A full disk must not end the intake of mail; it is told once, and the log goes on when there is room.
        if (!failing) io.stderr.write(`The log ${file} cannot be written: ${String(error)}\n`);
        failing = true;
      }
    },
    [Symbol.dispose]: () => closeSync(descriptor),
  };
}

/** A reader that goes away (`| head`) ends the log, not the intake of mail. */
function openStandardLog(quiet: boolean, { stdout, stderr }: RunIo): OpenLog {
  let open = !quiet;
  const broken = (error: Error): void => {
    if (open) stderr.write(`Nobody reads the log any more (${error.message}); Mailhold goes on without it.\n`);
    open = false;
  };
  const stream = stdout instanceof Writable ? stdout : undefined;
  stream?.on('error', broken);
  return {
    write: (line) => (open ? stdout.write(line) : undefined),
    [Symbol.dispose]: () => stream?.off('error', broken),
  };
}
