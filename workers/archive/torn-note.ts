import type { Store } from './store.ts';

/**
 * What of a writer counts for nothing: the end of a segment that broke off, or numbers that no record will have. Written
 * by the writer itself after a failed write, or by another process that found the tail of a dead writer torn. The
 * segment itself is never touched: a writer that seemed dead may only have been stopped.
 */
export interface TornNote {
  version: 1;
  writer: string;
  /** Readers of this segment stop here. Absent where only numbers were given up. */
  tail?: { segment: string; goodBytes: number };
  /** Numbers of the records that were given up: not acknowledged, and no hole. */
  lost: number[];
  at: string;
  why: string;
}

/** All notes of an archive. */
export interface TornNotes {
  /** By the path of the segment. */
  tails: ReadonlyMap<string, { goodBytes: number; why: string }>;
  lost(writer: string): ReadonlySet<number>;
}

const FOLDER = 'torn/';
const NONE: ReadonlySet<number> = new Set();

/** Name of the note on a segment of the group commit. */
export function tornNoteName(writer: string, sequence: number): string {
  return `${FOLDER}${writer}-${String(sequence).padStart(7, '0')}.json`;
}

/** Name of the note on numbers that were given up, of which this is one. */
export function lostRecordName(writer: string, record: number): string {
  return `${FOLDER}${writer}-r${String(record).padStart(16, '0')}.json`;
}

/**
 * Name of the note by which a process says, before it looks at the tail of a writer's last segment, that it takes the
 * writer for dead. A writer that only stood still gives up what it wrote meanwhile, so that nobody acknowledges what a
 * torn note is about to hide.
 */
export function claimName(writer: string, sequence: number): string {
  return `claimed/${writer}-${String(sequence).padStart(7, '0')}.json`;
}

/** Name of the note that the last segment of a dead writer was found whole: it is not read again at each start. */
export function examinedName(writer: string, sequence: number): string {
  return `examined/${writer}-${String(sequence).padStart(7, '0')}.json`;
}

export async function readTornNotes(store: Store): Promise<TornNotes> {
  const tails = new Map<string, { goodBytes: number; why: string }>();
  const lost = new Map<string, Set<number>>();
  for (const name of await store.listNotes(FOLDER)) {
    const text = await store.readNote(name);
    if (text === undefined) continue;
    const note = JSON.parse(text) as TornNote;
    if (note.tail) tails.set(note.tail.segment, { goodBytes: note.tail.goodBytes, why: note.why });
    const numbers = lost.get(note.writer) ?? new Set();
    for (const number of note.lost) numbers.add(number);
    lost.set(note.writer, numbers);
  }
  return { tails, lost: (writer) => lost.get(writer) ?? NONE };
}
