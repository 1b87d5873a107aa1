import { createHash } from 'node:crypto';
import { readMessage } from '../workers/archive/reader.ts';
import { oneMessage, openArchiveFolder } from './archive-folder.ts';
import { parseArguments } from './arguments.ts';
import { CommandError, ExitCode, type Io, UsageError, writeAll } from './io.ts';

const usage = `usage: mailhold archive cat FOLDER POSITION|DIGEST

Writes one message to standard output, exactly as it was received, and fails where its digest does not agree.
`;

/** `mailhold archive cat`. */
export async function archiveCat(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseArguments(args, {});
  if (values.help) {
    io.stdout.write(usage);
    return ExitCode.ok;
  }
  const [folder, reference, ...more] = positionals;
  if (folder === undefined || reference === undefined || more.length > 0) {
    throw new UsageError('name the folder of an archive and one message.');
  }
  const store = await openArchiveFolder(folder);
  const record = await oneMessage(store, reference);
  const digest = createHash('sha256');
  for await (const part of readMessage(store, record)) {
    digest.update(part);
    await writeAll(io.stdout, part);
  }
  if (digest.digest('hex') !== record.metadata.sha256) {
    throw new CommandError('These are not the bytes that were received: their digest does not agree.');
  }
  return ExitCode.ok;
}
