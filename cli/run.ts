import { closeSync, openSync, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { StartupError } from '../operator/runtime/standalone/startup-error.ts';
import { runStandalone } from '../operator/runtime/standalone.ts';
import { parseArguments } from './arguments.ts';
import { CommandError, ExitCode, type Io, UsageError } from './io.ts';

const usage = `usage: mailhold run FOLDER [--state DIR] [--http ADDRESS:PORT] [--log-file FILE] [--quiet]

Runs Mailhold on this machine with the manifests of FOLDER, and follows them as they change.

  --state DIR           where keys, certificates and statuses are kept (FOLDER/.mailhold)
  --http ADDRESS:PORT   loopback address of the status (127.0.0.1:8460)
  --log-file FILE       where the log goes, one JSON line per event, instead of standard output
  --quiet               no log on standard output
`;

const OPTIONS = {
  state: { type: 'string' },
  http: { type: 'string' },
  'log-file': { type: 'string' },
  quiet: { type: 'boolean', short: 'q', default: false },
} as const;

/** Signals that ask for an orderly end; the second one ends at once. What was acknowledged is durable already. */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * `mailhold run`: serves until a signal ends it, or the signal of `io`.
 *
 * @throws UsageError, CommandError where it cannot start
 */
export async function run(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseArguments(args, OPTIONS);
  if (values.help) {
    io.stdout.write(usage);
    return ExitCode.ok;
  }
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) throw new UsageError('name one folder with manifests.');

  const ending = Promise.withResolvers<string>();
  const endAtOnce = (): void => process.exit(ExitCode.failed);
  const onSignal = (signal: string): void => {
    for (const name of ENDING) process.on(name, endAtOnce);
    ending.resolve(signal);
  };
  const onAbort = (): void => ending.resolve('asked to end');
  for (const name of ENDING) process.once(name, onSignal);
  io.signal.addEventListener('abort', onAbort, { once: true });
  try {
    using log = openLog(values['log-file'], values.quiet, io);
    await using standalone = await runStandalone({
      folder,
      ...(values.state !== undefined && { state: values.state }),
      ...(values.http !== undefined && { http: values.http }),
      env: io.env,
      write: log.write,
    });
    io.stderr.write(`Mailhold serves the manifests of ${folder}; its status is at ${standalone.url}/status.\n`);
    const signal = await ending.promise;
    io.stderr.write(`${signal}: finishing what is in flight; once more ends at once.\n`);
    return ExitCode.ok;
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    if (error.code === 'InvalidOption') throw new UsageError(error.message, { cause: error });
    throw new CommandError(error.message, { cause: error });
  } finally {
    for (const name of ENDING) process.off(name, onSignal).off(name, endAtOnce);
    io.signal.removeEventListener('abort', onAbort);
  }
}

interface OpenLog extends Disposable {
  write(line: string): void;
}

/** Writes are synchronous: a worker whose lines nobody takes waits, instead of our memory filling up. */
function openLog(file: string | undefined, quiet: boolean, io: Io): OpenLog {
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
function openStandardLog(quiet: boolean, { stdout, stderr }: Io): OpenLog {
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
