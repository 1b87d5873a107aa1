import { type Clock, timestamp } from '../process/clock.ts';
import { toFaultError } from '../process/fault-error.ts';
import type { Logger } from '../process/logger.ts';
import type { LogEvent, Position } from './log.ts';
import { digestAgrees, type MessageRecord } from './reader.ts';
import { scanSegment } from './scan.ts';
import type { SegmentName, Store } from './store.ts';
import { claimName, examinedName, type TornNote, tornNoteName } from './torn-note.ts';
import { createWriterWatch } from './writer-watch.ts';

export { DEAD_AFTER_MS } from './writer-watch.ts';

const LOOK_MS = 10_000;

export interface TidyOptions {
  store: Store;
  /** The one who tidies: it leaves itself alone. */
  writer: string;
  clock: Clock;
  logger: Logger;
  appendEvent: (event: LogEvent) => Promise<Position>;
}

/**
 * Looks after what dead writers left: removes their unfinished large segments, and sets torn tails aside, by a note and
 * an event, never by touching the segment.
 */
export function startTidying(options: TidyOptions): { look(): Promise<void>; close(): Promise<void> } {
  const { logger } = options;
  const watch = createWriterWatch(options.store, options.clock);
  /** Writers that were seen to, until they are seen alive again. */
  const tidied = new Set<string>();
  let looking: Promise<void> | undefined;
  let closed = false;
  const look = (): Promise<void> => {
    looking ??= tidyDead(options, watch, tidied, () => closed)
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

async function tidyDead(
  options: TidyOptions,
  watch: ReturnType<typeof createWriterWatch>,
  tidied: Set<string>,
  ended: () => boolean,
): Promise<void> {
  for (const [writer, { state, durable }] of await watch.look()) {
    if (ended()) return;
    if (state === 'alive') tidied.delete(writer);
    if (state === 'alive' || tidied.has(writer) || writer === options.writer) continue;
    await options.store.removeUnfinished(writer);
    if (state === 'dead') await setTornTailAside(options, writer, durable);
    tidied.add(writer);
  }
}

async function setTornTailAside(options: TidyOptions, writer: string, durable: number): Promise<void> {
  const { store, clock, logger, appendEvent } = options;
  const last = await lastSegment(store, writer);
  if (last === undefined) return;
  const { sequence } = last;
  if ((await store.readNote(tornNoteName(writer, sequence))) !== undefined) return;
  if ((await store.readNote(examinedName(writer, sequence))) !== undefined) return;
  const at = timestamp(clock);
  await store.createNote(claimName(writer, sequence), JSON.stringify({ version: 1, by: options.writer, at }));
  // Behind the claim, what has grown since is in the list.
  const segment = await lastSegment(store, writer);
  if (segment?.sequence !== sequence) return;
  const tear = await findTear(store, segment, durable);
  if (!tear) {
    await store.createNote(examinedName(writer, sequence), JSON.stringify({ version: 1, by: options.writer, at }));
    return;
  }
  const { offset, why } = tear;
  const tail = { segment: segment.path, goodBytes: offset };
  const note: TornNote = { version: 1, writer, tail, lost: [], at, why };
  if (!(await store.createNote(tornNoteName(writer, sequence), JSON.stringify(note)))) return;
  const bytes = segment.bytes - offset;
  logger.warn('torn-tail', { segment: segment.path, offset, bytes, why });
  await appendEvent({ type: 'torn-tail', at, data: { segment: segment.path, offset, bytes, why } });
}

type GroupSegment = Extract<SegmentName, { kind: 'group' }>;

async function lastSegment(store: Store, writer: string): Promise<GroupSegment | undefined> {
  let last: GroupSegment | undefined;
  for (const segment of await store.listSegments([writer])) {
    if (segment.kind === 'group' && segment.sequence > (last?.sequence ?? 0)) last = segment;
  }
  return last;
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
