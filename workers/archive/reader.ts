import { createHash } from 'node:crypto';
import type { Position } from './log.ts';
import { type Mark, readMark } from './mark.ts';
import type { EventMetadata, MessageMetadata } from './metadata.ts';
import { scanSegment } from './scan.ts';
import { segmentsBehind } from './seek.ts';
import type { SegmentName, Store } from './store.ts';
import { readTornNotes, type TornNotes } from './torn-note.ts';

const BLOCK_BYTES = 256 * 1024;

/** A message in the archive, and where its bytes stand. */
export interface MessageRecord {
  kind: 'message';
  position: Position;
  metadata: MessageMetadata;
  segment: SegmentName;
  /** Where the record begins, and where the message's bytes do. */
  offset: number;
  blockOffset: number;
}

export interface EventRecord {
  kind: 'event';
  position: Position;
  metadata: EventMetadata;
}

/**
 * Something that reading met and that is no record.
 *
 * `torn`: a segment broke off; what is behind was never acknowledged. `damage`: bytes that were records are none any
 * more. `hole`: numbers that no record has although the writer went past them. `newer-format`: written by a newer Mailhold.
 */
export interface Finding {
  kind: 'finding';
  finding: 'torn' | 'damage' | 'hole' | 'newer-format';
  /** True where mail may be missing; false where it is known that none is. */
  bad: boolean;
  writer: string;
  segment?: string;
  offset?: number;
  text: string;
}

export type ArchiveItem = MessageRecord | EventRecord | Finding;

/** The last number that was seen of each writer. */
export type Cursor = ReadonlyMap<string, number>;

export interface ReadOptions {
  /** Only what comes behind. */
  after?: Cursor;
  /** Only these writers. */
  writers?: readonly string[];
  /** Stop at the durable mark, as a consumer that acts on the outside world must. Otherwise everything readable. */
  durableOnly?: boolean;
  /** Writers that are dead: their marks may lag behind what they acknowledged, and will not move any more. */
  dead?: ReadonlySet<string>;
}

/**
 * Reads the archive: writer after writer, each in the order of its numbers. Messages behind a writer's durable mark are
 * believed only if their bytes agree with their digest, since a crash may have kept a record and lost its pages.
 */
export async function* readArchive(
  store: Store,
  options: ReadOptions = {},
): AsyncGenerator<ArchiveItem, void, undefined> {
  const notes = await readTornNotes(store);
  // Before the list, so that what a mark calls durable is in the list.
  const writers = options.writers ?? (await store.writers());
  const marks = new Map<string, Mark | undefined>();
  for (const writer of writers) marks.set(writer, await readMark(store, writer));
  const segments = await store.listSegments(writers);
  for (const writer of writers) {
    const own = segments.filter((segment) => segment.writer === writer);
    yield* readWriter(store, own, notes, marks.get(writer), writer, options);
  }
}

async function* readWriter(
  store: Store,
  segments: SegmentName[],
  notes: TornNotes,
  mark: Mark | undefined,
  writer: string,
  { after, durableOnly = false, dead }: ReadOptions,
): AsyncGenerator<ArchiveItem, void, undefined> {
  const from = after?.get(writer) ?? 0;
  const durable = mark?.durable ?? 0;
  const until = durableOnly && !mark?.closed && !dead?.has(writer) ? durable : Number.POSITIVE_INFINITY;
  const lost = notes.lost(writer);
  const all = segments.filter((s) => s.kind === 'group').sort((a, b) => a.sequence - b.sequence);
  const group = from > 0 ? await segmentsBehind(store, all, from) : all;
  const large = segments.filter((s) => s.kind === 'large').sort((a, b) => a.record - b.record);
  let last = from;

  const check = function* (number: number): Generator<Finding> {
    const missing: number[] = [];
    for (let n = last + 1; n < number; n += 1) {
      if (!lost.has(n) && (n <= durable || mark?.closed)) missing.push(n);
    }
    last = Math.max(last, number);
    if (missing.length > 0) yield hole(writer, missing);
  };
  const largeUpTo = async function* (number: number): AsyncGenerator<ArchiveItem> {
    for (let next = large[0]; next !== undefined && next.record < number; next = large[0]) {
      large.shift();
      if (next.record <= from || next.record > until || lost.has(next.record)) continue;
      yield* readSegment(next);
    }
  };
  const readSegment = async function* (segment: SegmentName): AsyncGenerator<ArchiveItem> {
    const tail = notes.tails.get(segment.path);
    const bytes = tail ? Math.min(segment.bytes, tail.goodBytes) : segment.bytes;
    const seen = { messages: 0, events: 0, whole: true };
    const file = await store.openSegment(segment);
    try {
      for await (const found of scanSegment(file, writer, bytes)) {
        switch (found.kind) {
          case 'segment-end':
            if (seen.whole && (found.metadata.messages !== seen.messages || found.metadata.events !== seen.events)) {
              const why = 'the segment ends with other counts than it has records';
              yield finding(segment, { kind: 'damage', offset: found.offset, why }, false);
            }
            break;
          case 'damage':
          case 'torn':
          case 'newer-format':
            seen.whole = false;
            // A writer that ended in order leaves no torn segment: this one was whole.
            yield finding(segment, found, last >= durable && mark?.closed !== true);
            break;
          case 'event':
          case 'message': {
            const { number } = found.metadata;
            seen[found.kind === 'event' ? 'events' : 'messages'] += 1;
            if (number <= from || number > until) break;
            const position = { writer, number };
            if (found.kind === 'event') {
              if (segment.kind === 'group') yield* largeUpTo(number);
              yield* check(number);
              yield { kind: 'event', position, metadata: found.metadata };
              break;
            }
            const { metadata, offset, blockOffset } = found;
            const record: MessageRecord = { kind: 'message', position, metadata, segment, offset, blockOffset };
            if (number > durable && !(await digestAgrees(store, record))) {
              const why = 'a message whose bytes were not written';
              yield finding(segment, { kind: 'torn', offset, why }, true);
              break;
            }
            if (segment.kind === 'group') yield* largeUpTo(number);
            yield* check(number);
            yield record;
          }
        }
      }
    } finally {
      await file.close();
    }
    if (tail && tail.goodBytes < segment.bytes) {
      yield {
        kind: 'finding',
        finding: 'torn',
        bad: false,
        writer,
        segment: segment.path,
        offset: tail.goodBytes,
        text: `set aside ${segment.bytes - tail.goodBytes} bytes at its end (${tail.why})`,
      };
    }
  };

  for (const segment of group) yield* readSegment(segment);
  yield* largeUpTo(Number.POSITIVE_INFINITY);
  yield* check(durable + 1);
}

/** The message's bytes, in pieces. */
export async function* readMessage(store: Store, record: MessageRecord): AsyncGenerator<Buffer, void, undefined> {
  const file = await store.openSegment(record.segment);
  try {
    const { length } = record.metadata;
    for (let read = 0; read < length; ) {
      const part = await file.read(record.blockOffset + read, Math.min(BLOCK_BYTES, length - read));
      if (part.length === 0) return;
      read += part.length;
      yield part;
    }
  } finally {
    await file.close();
  }
}

/** True where the bytes that are read back have the digest of the record. */
export async function digestAgrees(store: Store, record: MessageRecord): Promise<boolean> {
  const hasher = createHash('sha256');
  for await (const part of readMessage(store, record)) hasher.update(part);
  return hasher.digest('hex') === record.metadata.sha256;
}

/** The message at a position. */
export async function findMessage(store: Store, position: Position): Promise<MessageRecord | undefined> {
  const after = new Map([[position.writer, position.number - 1]]);
  for await (const item of readArchive(store, { after, writers: [position.writer] })) {
    if (item.kind !== 'finding' && item.position.number >= position.number) {
      return item.kind === 'message' && item.position.number === position.number ? item : undefined;
    }
  }
  return undefined;
}

function finding(
  segment: SegmentName,
  found:
    | { kind: 'damage' | 'torn'; offset: number; why: string }
    | { kind: 'newer-format'; offset: number; format: number },
  unacknowledged: boolean,
): Finding {
  const { offset } = found;
  const base = { kind: 'finding', writer: segment.writer, segment: segment.path, offset } as const;
  switch (found.kind) {
    case 'newer-format':
      return {
        ...base,
        finding: 'newer-format',
        bad: true,
        text: `a record of format ${found.format}; use a newer Mailhold`,
      };
    case 'damage':
      return { ...base, finding: 'damage', bad: true, text: found.why };
    case 'torn':
      return { ...base, finding: 'torn', bad: !unacknowledged, text: found.why };
  }
}

function hole(writer: string, missing: number[]): Finding {
  const [first] = missing;
  const numbers = missing.length === 1 ? `record ${first}` : `${missing.length} records from ${first}`;
  return { kind: 'finding', finding: 'hole', bad: true, writer, text: `${numbers} of this writer cannot be found` };
}
