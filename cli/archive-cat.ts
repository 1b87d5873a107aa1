import { createHash } from 'node:crypto';
import { readMessage } from '../workers/archive/reader.ts';
import { namedMessage } from './archive-folder.ts';
import { CommandError, ExitCode, type Io, writeAll } from './io.ts';

const usage = `usage: mailhold archive cat FOLDER POSITION|DIGEST

Writes one message to standard output, exactly as it was received, and fails where its digest does not agree.
`;

/** `mailhold archive cat`. */
export async function archiveCat(args: readonly string[], io: Io): Promise<number> {
  const named = await namedMessage(args, io, usage);
  if (named === undefined) return ExitCode.ok;
  const { store, record } = named;
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
