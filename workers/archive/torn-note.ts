import type { Store } from './store.ts';

/**
 * How much of a segment counts. Written beside a segment that broke off: by its own writer after a failed write, or by
 * another process that found the tail of a dead writer torn. The segment itself is never touched: a writer that seemed
 * dead may only have been stopped.
 */
export interface TornNote {
  version: 1;
  segment: string;
  /** Readers stop here. */
  goodBytes: number;
  /** Numbers of the records that were given up: not acknowledged, and no hole. */
  lost: number[];
  at: string;
  why: string;
}

const FOLDER = 'torn/';

export function tornNoteName(writer: string, sequence: number): string {
  return `${FOLDER}${writer}-${String(sequence).padStart(7, '0')}.json`;
}

/** All notes by the path of their segment. */
export async function readTornNotes(store: Store): Promise<Map<string, TornNote>> {
  const notes = new Map<string, TornNote>();
  for (const name of await store.listNotes(FOLDER)) {
    const text = await store.readNote(name);
    if (text === undefined) continue;
    const note = JSON.parse(text) as TornNote;
    notes.set(note.segment, note);
  }
  return notes;
}
