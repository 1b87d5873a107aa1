import { randomUUID } from 'node:crypto';
import { fdatasync, writev } from 'node:fs';
import {
  type FileHandle,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { LargeWriter, SegmentName, SegmentReader, SegmentWriter, Store } from './store.ts';

/** Linux takes at most so many buffers in one writev (IOV_MAX is 1,024). */
const BUFFERS_PER_WRITE = 1_000;
const LARGE_FROM = 1024 * 1024;
const PARTIAL = '.partial';

const writeBuffers = promisify(
  (
    descriptor: number,
    buffers: readonly NodeJS.ArrayBufferView[],
    done: (error: Error | null, written: number) => void,
  ) => writev(descriptor, buffers, (error, written) => done(error, written)),
);
const syncData = promisify(fdatasync);

/**
 * An archive in a folder:
 *
 *     mailhold.json            what the archive is
 *     hot/WRITER/0000001.warc  segments of the group commit
 *     hot/WRITER/r0000000000000057.warc  a large record, named by its number
 *     hot/WRITER/mark.json     how far this writer is durable
 *     torn/WRITER-0000001.json how much of a segment counts, where it broke off
 */
export async function openFileStore(folder: string): Promise<Store> {
  const hot = join(folder, 'hot');
  // Not recursive for the folder itself: a volume that is not mounted must not become a folder on the root disk.
  await stat(folder);
  return {
    largeFrom: LARGE_FROM,
    createSegment: async (writer, sequence) => {
      const path = join('hot', writer, `${String(sequence).padStart(7, '0')}.warc`);
      await makeFolders(hot, join(hot, writer));
      const file = await open(join(folder, path), 'wx', 0o640);
      await syncFolder(join(hot, writer));
      await syncFolder(hot);
      await syncFolder(folder);
      return segmentWriter(path, file);
    },
    createLarge: async (writer) => {
      await makeFolders(hot, join(hot, writer));
      const path = join(hot, writer, `${randomUUID()}${PARTIAL}`);
      return largeWriter(path, await open(path, 'wx', 0o640));
    },
    listSegments: async () => {
      const found: SegmentName[] = [];
      for (const writer of await foldersIn(hot)) {
        for (const name of await readdir(join(hot, writer))) {
          const path = join('hot', writer, name);
          const named = parseName(name);
          // Gone between the two calls: an unfinished one that was named or removed.
          const bytes = named && (await sizeOf(join(folder, path)));
          if (named && bytes !== undefined) found.push({ writer, path, bytes, ...named });
        }
      }
      return found;
    },
    openSegment: async (segment) => segmentReader(await open(join(folder, segment.path), 'r')),
    writers: () => foldersIn(hot),
    readMark: (writer) => readText(join(hot, writer, 'mark.json')),
    writeMark: async (writer, text) => {
      const path = join(hot, writer, 'mark.json');
      await writeFile(`${path}.new`, text, { mode: 0o640 });
      await rename(`${path}.new`, path);
    },
    createNote: async (name, text) => {
      const path = join(folder, name);
      await makeFolders(dirname(path));
      return createDurably(path, text);
    },
    readNote: (name) => readText(join(folder, name)),
    listNotes: async (prefix) => {
      const names = await namesIn(join(folder, dirname(`${prefix}x`)));
      return names
        .map((name) => join(dirname(`${prefix}x`), name))
        .filter((name) => name.startsWith(prefix) && name.endsWith('.json'));
    },
    removeUnfinished: async (writer) => {
      const names = (await namesIn(join(hot, writer))).filter((name) => name.endsWith(PARTIAL));
      for (const name of names) await rm(join(hot, writer, name), { force: true });
      return names.length;
    },
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
  };
}

function segmentWriter(path: string, file: FileHandle): SegmentWriter {
  return {
    path,
    commit: async (parts) => {
      await writeAll(file, parts);
      await syncData(file.fd);
    },
    close: () => file.close(),
  };
}

function largeWriter(path: string, file: FileHandle): LargeWriter {
  return {
    write: (parts) => writeAll(file, parts),
    finish: async (head, record) => {
      let written = 0;
      while (written < head.length) {
        written += (await file.write(head, written, head.length - written, written)).bytesWritten;
      }
      await syncData(file.fd);
      await file.close();
      await rename(path, join(dirname(path), `r${String(record).padStart(16, '0')}.warc`));
      await syncFolder(dirname(path));
    },
    discard: async () => {
      await file.close();
      await rm(path, { force: true });
    },
  };
}

function segmentReader(file: FileHandle): SegmentReader {
  return {
    read: async (offset, length) => {
      const buffer = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await file.read(buffer, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
    close: () => file.close(),
  };
}

/** Writes all parts at the file's position. The kernel may take fewer bytes than asked (a full disk, a signal). */
async function writeAll(file: FileHandle, parts: readonly Buffer[]): Promise<void> {
  for (let from = 0; from < parts.length; from += BUFFERS_PER_WRITE) {
    let rest: readonly Buffer[] = parts.slice(from, from + BUFFERS_PER_WRITE);
    while (rest.length > 0) rest = behind(rest, await writeBuffers(file.fd, rest));
  }
}

/** What is left of the buffers behind so many bytes. */
function behind(buffers: readonly Buffer[], bytes: number): readonly Buffer[] {
  let index = 0;
  let left = bytes;
  for (let buffer = buffers[0]; buffer !== undefined && left >= buffer.length; buffer = buffers[index]) {
    left -= buffer.length;
    index += 1;
  }
  const cut = buffers[index];
  return cut === undefined ? [] : [cut.subarray(left), ...buffers.slice(index + 1)];
}

type ParsedName = { kind: 'group'; sequence: number } | { kind: 'large'; record: number };

function parseName(name: string): ParsedName | undefined {
  const match = /^(r?)(\d+)\.warc$/.exec(name);
  if (match === null) return undefined;
  const number = Number(match[2]);
  return match[1] === 'r' ? { kind: 'large', record: number } : { kind: 'group', sequence: number };
}

async function createDurably(path: string, text: string): Promise<boolean> {
  // A link makes the whole note appear at once: a crash never leaves half of one under its name.
  const temporary = `${path}.${randomUUID()}.new`;
  const file = await open(temporary, 'wx', 0o640);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(dirname(path));
  await syncFolder(dirname(dirname(path)));
  return true;
}

/** One by one: a recursive mkdir tells of a read-only file system that the folder is missing. */
async function makeFolders(...folders: string[]): Promise<void> {
  for (const folder of folders) {
    try {
      await mkdir(folder);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}

/** A new name is durable once its folder is synced. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
