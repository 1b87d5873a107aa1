import { readIdentity } from '../workers/archive/identity.ts';
import { type MessageRecord, readArchive } from '../workers/archive/reader.ts';
import type { Store } from '../workers/archive/store.ts';
import { openFileStore } from '../workers/archive/store-file.ts';
import { FaultError } from '../workers/process/fault-error.ts';
import { parseArguments } from './arguments.ts';
import { CommandError, type Io, UsageError } from './io.ts';

/**
 * The archive in a folder, for reading.
 *
 * @throws CommandError where there is none, or a newer Mailhold wrote it
 */
export async function openArchiveFolder(folder: string): Promise<Store> {
  let store: Store;
  try {
    store = await openFileStore(folder);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') throw new CommandError(`There is no folder ${folder}.`);
    throw new CommandError(`${folder} cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  try {
    if ((await readIdentity(store)) !== undefined) return store;
  } catch (error) {
    if (error instanceof FaultError) throw new CommandError(error.message);
    throw error;
  }
  throw new CommandError(
    `${folder} is no archive of Mailhold: it has no mailhold.json. Name the folder of the MailArchive.`,
  );
}

/**
 * The one message that a reference names: `WRITER:NUMBER`, whose writer may be shortened, or the beginning of a digest.
 *
 * @throws CommandError where no message or more than one has it
 */
async function oneMessage(store: Store, reference: string): Promise<MessageRecord> {
  const found = new Map<string, MessageRecord>();
  const position = /^([0-9a-f]+):(\d+)$/.exec(reference);
  if (position === null && !/^[0-9a-f]{4,64}$/.test(reference)) {
    throw new CommandError(`${reference} is neither WRITER:NUMBER nor at least 4 hexadecimal digits of a digest.`);
  }
  const [, writer = '', digits = ''] = position ?? [];
  const number = Number(digits);
  const writers = position ? (await store.writers()).filter((it) => it.startsWith(writer)) : await store.writers();
  const after = position ? new Map(writers.map((it) => [it, number - 1])) : undefined;
  for await (const item of readArchive(store, { writers, ...(after && { after }) })) {
    if (item.kind !== 'message') continue;
    if (position ? item.position.number === number : item.metadata.sha256.startsWith(reference)) {
      // The same bytes stored twice are the same message here.
      found.set(position ? item.position.writer : item.metadata.sha256, item);
    }
    if (found.size > 1) throw new CommandError(`${reference} names more than one message; give more of it.`);
  }
  const [only] = found.values();
  if (only === undefined) throw new CommandError(`No message in this archive is ${reference}.`);
  return only;
}

/**
 * The message that the arguments `FOLDER POSITION|DIGEST` name, or undefined where help was asked for and given.
 *
 * @throws UsageError, CommandError
 */
export async function namedMessage(
  args: readonly string[],
  io: Io,
  usage: string,
): Promise<{ store: Store; record: MessageRecord } | undefined> {
  const { values, positionals } = parseArguments(args, {});
  if (values.help) {
    io.stdout.write(usage);
    return undefined;
  }
  const [folder, reference, ...more] = positionals;
  if (folder === undefined || reference === undefined || more.length > 0) {
    throw new UsageError('name the folder of an archive and one message.');
  }
  const store = await openArchiveFolder(folder);
  return { store, record: await oneMessage(store, reference) };
}
