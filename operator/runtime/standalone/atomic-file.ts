import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { systemCode } from './startup-error.ts';

/** Only the owner reads: these files hold keys and passwords. */
const PRIVATE = 0o600;

/**
 * Replaces a file so that a reader sees the old or the new content whole. With `durable` it also survives a power loss
 * (fsync of the file before its rename); what can be written again at the next start does not need that.
 */
export async function replaceFile(path: string, text: string, { durable = false } = {}): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeNew(temporary, text, durable);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Creates a file that is never overwritten, and returns its content: the given one, or that of whoever came first. The
 * link makes it appear whole, so that a crash in between leaves no half key behind.
 */
export async function createOnce(path: string, create: () => string): Promise<string> {
  const existing = await readIfPresent(path);
  if (existing !== undefined) return existing;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = temporaryName(path);
  const text = create();
  try {
    await writeNew(temporary, text, true);
    await link(temporary, path);
    return text;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return await readFile(path, 'utf8');
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Content of a text file, undefined where there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

async function writeNew(path: string, text: string, durable: boolean): Promise<void> {
  const file = await open(path, 'wx', PRIVATE);
  try {
    await file.writeFile(text);
    if (durable) await file.datasync();
  } finally {
    await file.close();
  }
}
