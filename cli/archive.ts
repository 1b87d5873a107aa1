import { nearest } from '../operator/api/nearest.ts';
import { type Command, ExitCode, type Io, UsageError } from './io.ts';

const usage = `usage: mailhold archive COMMAND

  ls FOLDER                       list messages: position, time, connection, size, sender
  cat FOLDER POSITION|DIGEST      write one message to standard output, byte for byte
  show FOLDER POSITION|DIGEST     show one message for reading
  verify FOLDER                   read everything back and check every digest

A POSITION is WRITER:NUMBER as ls shows it; a WRITER or DIGEST may be shortened to what is unambiguous.
`;

const commands: Record<string, () => Promise<Command>> = {
  ls: async () => (await import('./archive-ls.ts')).archiveLs,
  cat: async () => (await import('./archive-cat.ts')).archiveCat,
  show: async () => (await import('./archive-show.ts')).archiveShow,
  verify: async () => (await import('./archive-verify.ts')).archiveVerify,
};

/** `mailhold archive`. */
export async function archive(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--help' || name === '-h') {
    io.stdout.write(usage);
    return ExitCode.ok;
  }
  const load = commands[name ?? ''];
  if (load === undefined) {
    if (name === undefined) throw new UsageError('say what to do: ls, cat, show or verify.');
    const meant = nearest(name, Object.keys(commands));
    throw new UsageError(`there is no ${name}${meant === undefined ? '' : `; did you mean ${meant}?`}`);
  }
  return (await load())(rest, io);
}
