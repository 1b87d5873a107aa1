import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Position } from '../archive/log.ts';
import { UidSet } from './uid-set.ts';

/** What a UID means something in: another server, user, folder or UIDVALIDITY has other messages (RFC 3501 2.3.1.1). */
export interface Epoch {
  host: string;
  user: string;
  folder: string;
  uidValidity: string;
}

/** How far a connection's mailbox is archived. */
export interface Cursor {
  epoch: Epoch;
  archived: UidSet;
  /** The archive holds messages of this folder from another epoch, and not all of this one was compared with them. */
  rescanning: boolean;
  /** Record of the last message. */
  position?: Position;
}

interface CursorFile extends Omit<Cursor, 'archived'> {
  version: 1;
  archive: string;
  archived: string;
  /** False from before the first commit of a poll until after its last. */
  settled: boolean;
}

export function sameEpoch(a: Epoch, b: Epoch): boolean {
  return a.host === b.host && a.user === b.user && a.folder === b.folder && a.uidValidity === b.uidValidity;
}

/** `ARCHIVE/cursors/UID.json`. */
export function cursorPath(archive: string, uid: string): string {
  return join(archive, 'cursors', `${encodeURIComponent(uid)}.json`);
}

/**
 * Reads a cursor, which is a cache of what the log says and is believed only where the two fit.
 *
 * @param archiveId of the archive that is open
 * @param holds true where the log has this record
 * @returns undefined where there is none, or one that is void: of another archive (a copied folder), naming a record
 *   that the log does not have (a restored snapshot), or not settled (the process was killed while it pulled)
 */
export async function loadCursor(
  path: string,
  archiveId: string,
  holds: (position: Position) => Promise<boolean>,
): Promise<Cursor | undefined> {
  const file = await readCursorFile(path);
  if (file === undefined || file.archive !== archiveId || !file.settled) return undefined;
  if (file.position !== undefined && !(await holds(file.position))) return undefined;
  const archived = UidSet.parse(file.archived);
  if (archived === undefined) return undefined;
  const { epoch, rescanning, position } = file;
  return { epoch, archived, rescanning, ...(position && { position }) };
}

/** Replaces the cursor file; its bytes are synced, so that it is the old one or the new one after a crash. */
export async function saveCursor(path: string, archiveId: string, cursor: Cursor, settled: boolean): Promise<void> {
  const { epoch, rescanning, position } = cursor;
  const file: CursorFile = {
    version: 1,
    archive: archiveId,
    epoch,
    rescanning,
    ...(position && { position }),
    settled,
    archived: cursor.archived.toString(),
  };
  // Not recursive: an archive whose volume went away must not be made anew in its place.
  await mkdir(dirname(path)).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  });
  const temporary = `${path}.new`;
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(JSON.stringify(file));
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
}

async function readCursorFile(path: string): Promise<CursorFile | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const file = JSON.parse(text) as Partial<CursorFile> | null;
    const epoch = file?.epoch;
    const whole =
      file?.version === 1 &&
      typeof file.archived === 'string' &&
      [epoch?.host, epoch?.user, epoch?.folder, epoch?.uidValidity].every((part) => typeof part === 'string');
    return whole ? (file as CursorFile) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
