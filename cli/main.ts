import { createRequire } from 'node:module';
import { nearest } from '../operator/api/nearest.ts';
import { type Command, CommandError, ExitCode, type Io, UsageError } from './io.ts';

const usage = `usage: mailhold COMMAND

  run FOLDER          run Mailhold on this machine with the manifests of FOLDER
  status              show every connection with its lights
  test NAME           test a connection now, and show the stages as they pass
  validate FOLDER     say what is wrong in the manifests of FOLDER, without running them
  archive ls FOLDER   list what an archive holds
  archive cat ...     write one message as it was received
  archive show ...    show one message for reading
  archive verify ...  read the whole archive back and check every digest
  help [COMMAND]      this, or how a command is used
  --version

Exit codes: 0 done; 1 failed; 2 wrong arguments; 3 a light is not green (status --exit-code).
`;

/** Loaded when asked for: a preview needs a MIME parser, `status` does not. */
const commands: Record<string, () => Promise<Command>> = {
  run: async () => {
    const { run } = await import('./run.ts');
    return (args, io) => run(args, io);
  },
  status: async () => (await import('./status.ts')).status,
  test: async () => (await import('./test.ts')).test,
  validate: async () => (await import('./validate.ts')).validate,
  archive: async () => (await import('./archive.ts')).archive,
};

/** Runs one command line. */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--version' || name === '-v') {
    const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
    io.stdout.write(`mailhold ${version}\n`);
    return ExitCode.ok;
  }
  if (name === undefined || name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) {
    io.stdout.write(usage);
    return name === undefined ? ExitCode.usage : ExitCode.ok;
  }
  if (name === 'help') return main([...rest, '--help'], io);
  const load = commands[name];
  if (load === undefined) {
    const meant = nearest(name, Object.keys(commands));
    io.stderr.write(`mailhold: there is no command ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}\n`);
    io.stderr.write('mailhold help lists the commands.\n');
    return ExitCode.usage;
  }
  try {
    return await (await load())(rest, io);
  } catch (error) {
    if (error instanceof UsageError) {
      io.stderr.write(`mailhold ${name}: ${error.message}\nmailhold help ${name} shows how it is used.\n`);
      return ExitCode.usage;
    }
    if (error instanceof CommandError) {
      io.stderr.write(`mailhold ${name}: ${error.message}\n`);
      return ExitCode.failed;
    }
    // Of the system (a disk that cannot be read), or a mistake of ours: then MAILHOLD_DEBUG shows where.
    const words = error instanceof Error ? error.message : String(error);
    const where = io.env.MAILHOLD_DEBUG && error instanceof Error ? `${error.stack}\n` : '';
    io.stderr.write(`mailhold ${name}: ${words}\n${where}`);
    return ExitCode.failed;
  }
}

if (import.meta.main) {
  const ending = new AbortController();
  // A command that serves has its own way to end (run); the others stop at once.
  if (process.argv[2] !== 'run') {
    process.once('SIGINT', () => {
      ending.abort();
      process.exit(130);
    });
    // `mailhold archive ls | head` is no failure. `run` goes on without a reader of its log.
    process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  }
  process.exitCode = await main(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    signal: ending.signal,
  });
}
