import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventLog } from './event-log.ts';
import { StartupError, systemCode } from './startup-error.ts';

/** One save shows as several notifications, and an editor may empty a file before it writes it. */
const SETTLE_MS = 50;
/** A file that is written without end is read in between all the same. */
const LONGEST_SETTLE_MS = 200;
/** Finds what a notification missed: a full queue, a network file system, a folder that was replaced. */
const RESCAN_MS = 5_000;
const LARGEST_FILE = 8 * 1024 * 1024;

/** Something in a manifest that a person has to mend. Line and column from 1. */
export interface Problem {
  /** Relative to the folder. */
  file: string;
  line: number;
  column: number;
  message: string;
}

export interface Parsed<T> {
  objects: T[];
  problems: Problem[];
}

/** Keeps the last good text of each file over a restart, so that a typo found at boot does not end a connection either. */
export interface LastGoodTexts {
  read(file: string): Promise<string | undefined>;
  write(file: string, text: string): Promise<void>;
  remove(file: string): Promise<void>;
}

export interface FolderOptions<T> {
  folder: string;
  parse: (file: string, text: string) => Parsed<T>;
  lastGood: LastGoodTexts;
  log: EventLog;
  /** Called after each change of what `content` returns. */
  onChange: () => void;
  signal: AbortSignal;
  rescanMs?: number;
}

export interface ManifestFolder<T> {
  content(): Parsed<T>;
}

interface ReadFile<T> {
  /** undefined where it could not be read. */
  text: string | undefined;
  shown: Parsed<T>;
  good: T[] | undefined;
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
  const files = new Map<string, ReadFile<T>>();
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
      await options.lastGood.remove(name);
      changed = true;
    }
    for (const name of names) {
      const next = await readOne(options, name, files.get(name));
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

/** The file as it is now; `before` itself where nothing changed, undefined where it is gone. */
async function readOne<T>(
  options: FolderOptions<T>,
  file: string,
  before: ReadFile<T> | undefined,
): Promise<ReadFile<T> | undefined> {
  const { folder, lastGood, log } = options;
  let text: string | undefined;
  let parsed: Parsed<T>;
  try {
    const { size } = await stat(join(folder, file));
    if (size > LARGEST_FILE) parsed = unreadable(file, `it has more than ${LARGEST_FILE} bytes`);
    else {
      text = await readFile(join(folder, file), 'utf8');
      if (text === before?.text) return before;
      parsed = parseGuarded(options, file, text);
    }
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    if (code === 'ENOENT') return undefined;
    parsed = unreadable(file, `it cannot be read (${code})`);
  }
  if (parsed.problems.length === 0) {
    // The copy is for the next start; that it cannot be written now must not keep the manifest from being used.
    if (text !== undefined) await lastGood.write(file, text).catch((error: unknown) => notKept(log, file, error));
    return { text, shown: parsed, good: parsed.objects };
  }
  const good = before?.good ?? (await parseLastGood(options, file));
  const same = text === undefined && before?.text === undefined && before?.shown.problems.length === 1;
  if (same && before?.shown.problems[0]?.message === parsed.problems[0]?.message) return before;
  return { text, shown: { objects: good ?? parsed.objects, problems: parsed.problems }, good };
}

function notKept(log: EventLog, file: string, error: unknown): void {
  log.warn('manifest-copy-not-written', { file, error: error instanceof Error ? error.message : String(error) });
}

function unreadable<T>(file: string, why: string): Parsed<T> {
  return { objects: [], problems: [{ file, line: 1, column: 1, message: `${file}: ${why}.` }] };
}

async function parseLastGood<T>(options: FolderOptions<T>, file: string): Promise<T[] | undefined> {
  const text = await options.lastGood.read(file);
  if (text === undefined) return undefined;
  const parsed = parseGuarded(options, file, text);
  return parsed.problems.length === 0 ? parsed.objects : undefined;
}

/** Whatever a file holds, it must not end the process that keeps the mail coming in. */
function parseGuarded<T>({ parse, log }: FolderOptions<T>, file: string, text: string): Parsed<T> {
  try {
    return parse(file, text);
  } catch (error) {
    log.error('manifest-not-parsed', { file, error: error instanceof Error ? error.message : String(error) });
    return unreadable(file, 'Mailhold met an error of its own in it; its log has the details');
  }
}
