import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventLog } from './event-log.ts';
import { systemCode } from './startup-error.ts';

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

export interface ManifestReading<T> {
  folder: string;
  parse: (file: string, text: string) => Parsed<T>;
  lastGood: LastGoodTexts;
  log: EventLog;
}

/** One file as it was read last. */
export interface ManifestFile<T> {
  /** undefined where it could not be read. */
  text: string | undefined;
  /** What counts: its last good objects, and the problems that it has now. */
  shown: Parsed<T>;
  good: T[] | undefined;
}

/** The file as it is now; `before` itself where nothing changed, undefined where it is gone. */
export async function readManifest<T>(
  options: ManifestReading<T>,
  file: string,
  before: ManifestFile<T> | undefined,
): Promise<ManifestFile<T> | undefined> {
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
    if (text !== undefined) await lastGood.write(file, text).catch((error: unknown) => notKept(log, file, error));
    return { text, shown: parsed, good: parsed.objects };
  }
  const good = before?.good ?? (await parseLastGood(options, file));
  const same = text === undefined && before?.text === undefined && before?.shown.problems.length === 1;
  if (same && before?.shown.problems[0]?.message === parsed.problems[0]?.message) return before;
  return { text, shown: { objects: good ?? parsed.objects, problems: parsed.problems }, good };
}

/** The copy is for the next start; without it the manifest is used all the same. */
export function notKept(log: EventLog, file: string, error: unknown): void {
  log.warn('manifest-copy-not-written', { file, error: error instanceof Error ? error.message : String(error) });
}

function unreadable<T>(file: string, why: string): Parsed<T> {
  return { objects: [], problems: [{ file, line: 1, column: 1, message: `${file}: ${why}.` }] };
}

async function parseLastGood<T>(options: ManifestReading<T>, file: string): Promise<T[] | undefined> {
  const text = await options.lastGood.read(file);
  if (text === undefined) return undefined;
  const parsed = parseGuarded(options, file, text);
  return parsed.problems.length === 0 ? parsed.objects : undefined;
}

/** Whatever a file holds, it must not end the process that keeps the mail coming in. */
function parseGuarded<T>({ parse, log }: ManifestReading<T>, file: string, text: string): Parsed<T> {
  try {
    return parse(file, text);
  } catch (error) {
    log.error('manifest-not-parsed', { file, error: error instanceof Error ? error.message : String(error) });
    return unreadable(file, 'Mailhold met an error of its own in it; its log has the details');
  }
}
