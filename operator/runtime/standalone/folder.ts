import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import {
  type ManifestFile,
  type ManifestReading,
  notKept,
  type Parsed,
  type Problem,
  readManifest,
} from './manifest-file.ts';
import { StartupError, systemCode } from './startup-error.ts';

/** One save shows as several notifications, and an editor may empty a file before it writes it. */
const SETTLE_MS = 50;
/** A file that is written without end is read in between all the same. */
const LONGEST_SETTLE_MS = 200;
/** Finds what a notification missed: a full queue, a network file system, a folder that was replaced. */
const RESCAN_MS = 5_000;

export interface FolderOptions<T> extends ManifestReading<T> {
  /** Called after each change of what `content` returns. */
  onChange: () => void;
  signal: AbortSignal;
  rescanMs?: number;
}

export interface ManifestFolder<T> {
  content(): Parsed<T>;
}

/**
 * Reads the manifests of a folder (`*.yaml`, `*.yml`, `*.json`; no dotfiles, no subfolders) and follows them until
 * `signal` aborts. A file with a problem keeps its last good objects, and so does a folder that cannot be read any more:
 * only a file that is gone takes its objects with it.
 *
 * @returns after the first reading
 * @throws StartupError FolderNotFound, FolderNotReadable
 */
export async function watchFolder<T>(options: FolderOptions<T>): Promise<ManifestFolder<T>> {
  const { folder, log, signal, onChange } = options;
  const files = new Map<string, ManifestFile<T>>();
  let folderProblem: Problem | undefined;
  let watcher: FSWatcher | undefined;
  let watchedInode: number | undefined;
  let settle: NodeJS.Timeout | undefined;
  let firstNotice: number | undefined;
  let reading: Promise<void> | undefined;
  let again = false;

  const readAll = async (): Promise<boolean> => {
    const names = await manifestNames(folder);
    let changed = folderProblem !== undefined;
    folderProblem = undefined;
    for (const name of files.keys()) {
      if (names.includes(name)) continue;
      files.delete(name);
      await options.lastGood.remove(name).catch((error: unknown) => notKept(log, name, error));
      changed = true;
    }
    for (const name of names) {
      const next = await readManifest(options, name, files.get(name));
      if (next === files.get(name)) continue;
      if (next === undefined) files.delete(name);
      else files.set(name, next);
      changed = true;
    }
    return changed;
  };
  const watchIt = async (): Promise<void> => {
    const { ino } = await stat(folder);
    if (watcher !== undefined && ino === watchedInode) return;
    watcher?.close();
    watcher = undefined;
    try {
      const started = watch(folder, (_, name) => {
        if (name === null || isManifest(name)) soon();
      });
      started.on('error', () => {
        started.close();
        watchedInode = undefined;
      });
      watcher = started;
      watchedInode = ino;
    } catch (error) {
      // The system allows no more watches (ENOSPC, EMFILE): then the rescan alone finds changes.
      const code = systemCode(error);
      if (code === undefined) throw error;
      log.warn('folder-not-watched', { folder, code });
    }
  };
  const read = async (): Promise<void> => {
    do {
      again = false;
      firstNotice = undefined;
      try {
        await watchIt();
        if ((await readAll()) && !signal.aborted) onChange();
      } catch (error) {
        const code = systemCode(error);
        if (code === undefined) throw error;
        const message = `${folder} cannot be read any more (${code}); what it held last stays in use.`;
        if (folderProblem?.message === message) continue;
        folderProblem = { file: '.', line: 1, column: 1, message };
        if (!signal.aborted) onChange();
      }
    } while (again && !signal.aborted);
  };
  const readNow = (): void => {
    if (signal.aborted) return;
    if (reading !== undefined) {
      again = true;
      return;
    }
    reading = read().finally(() => {
      reading = undefined;
    });
  };
  const soon = (): void => {
    if (signal.aborted) return;
    const now = performance.now();
    firstNotice ??= now;
    clearTimeout(settle);
    settle = setTimeout(readNow, Math.max(0, Math.min(SETTLE_MS, firstNotice + LONGEST_SETTLE_MS - now)));
  };

  await refuseUnreadable(folder);
  const rescan = setInterval(readNow, options.rescanMs ?? RESCAN_MS);
  signal.addEventListener(
    'abort',
    () => {
      clearInterval(rescan);
      clearTimeout(settle);
      watcher?.close();
    },
    { once: true },
  );
  reading = watchIt()
    .then(readAll)
    .then(() => undefined)
    .finally(() => {
      reading = undefined;
    });
  await reading;
  if (again) readNow();
  return {
    content: () => ({
      objects: [...files.values()].flatMap(({ shown }) => shown.objects),
      problems: [
        ...(folderProblem ? [folderProblem] : []),
        ...[...files.values()].flatMap(({ shown }) => shown.problems),
      ],
    }),
  };
}

function isManifest(name: string): boolean {
  return /^[^.].*\.(ya?ml|json)$/.test(name);
}

async function manifestNames(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => isManifest(entry.name) && !entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
}

/** @throws StartupError FolderNotFound, FolderNotReadable */
export async function refuseUnreadable(folder: string): Promise<void> {
  try {
    await readdir(folder);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') throw new StartupError('FolderNotFound', 'never', `There is no folder ${folder}.`);
    if (code === 'ENOTDIR') throw new StartupError('FolderNotFound', 'never', `${folder} is a file, not a folder.`);
    throw new StartupError('FolderNotReadable', 'never', `The folder ${folder} cannot be read (${code ?? 'unknown'}).`);
  }
}
