import { type Clock, timestamp } from '../process/clock.ts';
import { toFaultError } from '../process/fault-error.ts';
import type { Logger } from '../process/logger.ts';
import type { LogEvent, Position } from './log.ts';
import { readMark } from './mark.ts';
import { digestAgrees, type MessageRecord } from './reader.ts';
import { scanSegment } from './scan.ts';
import type { SegmentName, Store } from './store.ts';
import { readTornNotes, type TornNote, tornNoteName } from './torn-note.ts';

const LOOK_MS = 10_000;
/** A writer whose mark did not change for so long, by our own monotonic time, is treated as dead. */
export const DEAD_AFTER_MS = 60_000;

export interface TidyOptions {
  store: Store;
  /** The one who tidies: it leaves itself alone. */
  writer: string;
  clock: Clock;
  logger: Logger;
  appendEvent: (event: LogEvent) => Promise<Position>;
}

interface Watched {
  beat: number | undefined;
  since: number;
  done: boolean;
}

/**
 * Looks after what dead writers left: removes their unfinished large segments, and sets torn tails aside, by a note and
 * an event, never by touching the segment.
 */
export function startTidying(options: TidyOptions): { look(): Promise<void>; close(): Promise<void> } {
  const { logger } = options;
  const watched = new Map<string, Watched>();
  let looking: Promise<void> | undefined;
  let closed = false;
  const look = (): Promise<void> => {
    looking ??= tidyDead(options, watched, () => closed)
      .catch((error: unknown) => logger.warn('archive-not-tidied', { error: toFaultError(error).message }))
      .finally(() => {
        looking = undefined;
      });
    return looking;
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  void look();
  return {
    look,
    close: async () => {
      closed = true;
      clearInterval(timer);
      await looking;
    },
  };
}

async function tidyDead(options: TidyOptions, watched: Map<string, Watched>, ended: () => boolean): Promise<void> {
  const { store, clock } = options;
  for (const writer of await store.writers()) {
    if (ended()) return;
    if (writer === options.writer) continue;
    const mark = await readMark(store, writer);
    const known = watched.get(writer);
    const now = clock.monotonic();
    if (!known || known.beat !== mark?.beat) {
      watched.set(writer, { beat: mark?.beat, since: now, done: false });
      if (!mark?.closed) continue;
    }
    const state = watched.get(writer);
    if (!state || state.done) continue;
    if (!mark?.closed && now - state.since < DEAD_AFTER_MS) continue;
    state.done = true;
    await store.removeUnfinished(writer);
    if (!mark?.closed) await setTornTailAside(options, writer, mark?.durable ?? 0);
  }
}

async function setTornTailAside(options: TidyOptions, writer: string, durable: number): Promise<void> {
  const { store, clock, logger, appendEvent } = options;
  const notes = await readTornNotes(store);
  const last = (await store.listSegments())
    .filter((segment) => segment.kind === 'group' && segment.writer === writer)
    .sort((a, b) => (a.kind === 'group' && b.kind === 'group' ? b.sequence - a.sequence : 0))[0];
  if (last?.kind !== 'group' || notes.has(last.path)) return;
  const torn = await findTear(store, last, durable);
  if (!torn) return;
  const at = timestamp(clock);
  const note: TornNote = { version: 1, segment: last.path, goodBytes: torn.offset, lost: [], at, why: torn.why };
  if (!(await store.createNote(tornNoteName(writer, last.sequence), JSON.stringify(note)))) return;
  const bytes = last.bytes - torn.offset;
  logger.warn('torn-tail', { segment: last.path, offset: torn.offset, bytes, why: torn.why });
  await appendEvent({ type: 'torn-tail', at, data: { segment: last.path, offset: torn.offset, bytes, why: torn.why } });
}

/** Where the segment stops making sense, if it does. */
async function findTear(
  store: Store,
  segment: SegmentName,
  durable: number,
): Promise<{ offset: number; why: string } | undefined> {
  const file = await store.openSegment(segment);
  try {
    for await (const found of scanSegment(file, segment.writer, segment.bytes)) {
      if (found.kind === 'torn') return found;
      if (found.kind !== 'message' || found.metadata.number <= durable) continue;
      const { metadata, offset, blockOffset } = found;
      const position = { writer: segment.writer, number: metadata.number };
      const record: MessageRecord = { kind: 'message', position, metadata, segment, offset, blockOffset };
      if (!(await digestAgrees(store, record))) return { offset, why: 'a message whose bytes were not written' };
    }
    return undefined;
  } finally {
    await file.close();
  }
}
