import { randomUUID } from 'node:crypto';
import { FaultError } from '../process/fault-error.ts';
import { FORMAT } from './metadata.ts';
import type { Store } from './store.ts';

const IDENTITY_NOTE = 'mailhold.json';

interface Identity {
  format: number;
  archiveId: string;
  createdAt: string;
}

/**
 * The id of the archive, or undefined where the store holds none.
 *
 * @throws FaultError where a newer Mailhold wrote the archive, or something else did
 */
export async function readIdentity(store: Store): Promise<string | undefined> {
  const text = await store.readNote(IDENTITY_NOTE);
  if (text === undefined) return undefined;
  const identity = parse(text);
  if (identity.format > FORMAT) {
    throw new FaultError(
      'ArchiveNotWritable',
      'never',
      `The archive has format ${identity.format}, which is newer than this Mailhold (${FORMAT}); use a newer one.`,
    );
  }
  return identity.archiveId;
}

/** The id of the archive, made where the store holds none. Two processes that start at once agree on one. */
export async function openIdentity(store: Store, now: string): Promise<string> {
  const existing = await readIdentity(store);
  if (existing !== undefined) return existing;
  const identity: Identity = { format: FORMAT, archiveId: randomUUID(), createdAt: now };
  if (await store.createNote(IDENTITY_NOTE, `${JSON.stringify(identity)}\n`)) return identity.archiveId;
  return openIdentity(store, now);
}

function parse(text: string): Identity {
  try {
    const value = JSON.parse(text) as Partial<Identity> | null;
    if (typeof value?.format === 'number' && typeof value.archiveId === 'string') return value as Identity;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new FaultError('ArchiveNotWritable', 'never', `${IDENTITY_NOTE} in the archive folder is not Mailhold's.`);
}
