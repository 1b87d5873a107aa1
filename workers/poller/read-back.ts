import { createHash } from 'node:crypto';
import type { Position } from '../archive/log.ts';
import { findMessage, type MessageRecord, readMessage } from '../archive/reader.ts';
import { scanSegment } from '../archive/scan.ts';
import type { SegmentName, SegmentReader, Store } from '../archive/store.ts';

/** Reads messages again that this process archived, before they may be deleted at their source. */
export interface ReadBack {
  /** This record will be asked for. Said early, it spares a search from the beginning. */
  expect(position: Position): void;
  /** True where the bytes that the archive gives back have this digest. */
  agrees(position: Position, sha256: string): Promise<boolean>;
}

/**
 * Follows the segments of one writer forward, so that finding a record costs no more than reading what was written
 * since the last one was looked for.
 *
 * @param writer of this process
 */
export function createReadBack(store: () => Promise<Store>, writer: string): ReadBack {
  const expected = new Set<number>();
  const places = new Map<number, MessageRecord>();
  let at = { sequence: 0, offset: 0 };
  let scanning: Promise<unknown> = Promise.resolve();

  /** Goes through everything that is written by now. */
  const follow = async (): Promise<void> => {
    const opened = await store();
    const segments = (await opened.listSegments()).filter((segment) => segment.writer === writer);
    for (const segment of segments) {
      if (segment.kind === 'large' && expected.has(segment.record)) await scan(opened, segment, 0);
    }
    const group = segments.filter((s) => s.kind === 'group' && s.sequence >= at.sequence).sort(bySequence);
    for (const segment of group) {
      if (segment.kind !== 'group') continue;
      const offset = await scan(opened, segment, segment.sequence === at.sequence ? at.offset : 0);
      at = { sequence: segment.sequence, offset };
    }
  };

  /** Resolves to the end of the last whole record. */
  const scan = async (opened: Store, segment: SegmentName, from: number): Promise<number> => {
    if (segment.bytes <= from) return from;
    const file = await opened.openSegment(segment);
    let end = from;
    try {
      for await (const found of scanSegment(behind(file, from), writer, segment.bytes - from)) {
        if (found.kind === 'torn') break;
        end = from + found.end;
        if (found.kind !== 'message' || !expected.delete(found.metadata.number)) continue;
        const { metadata } = found;
        places.set(metadata.number, {
          kind: 'message',
          position: { writer, number: metadata.number },
          metadata,
          segment,
          offset: from + found.offset,
          blockOffset: from + found.blockOffset,
        });
      }
    } finally {
      await file.close();
    }
    return end;
  };

  const placeOf = async (number: number): Promise<MessageRecord | undefined> => {
    if (expected.has(number)) {
      scanning = scanning.then(follow, follow);
      await scanning;
    }
    const place = places.get(number);
    places.delete(number);
    expected.delete(number);
    return place;
  };

  return {
    expect: ({ writer: its, number }) => {
      if (its === writer) expected.add(number);
    },
    agrees: async (position, sha256) => {
      const opened = await store();
      const followed = position.writer === writer ? await placeOf(position.number) : undefined;
      const record = followed ?? (await findMessage(opened, position));
      return record !== undefined && (await digest(readMessage(opened, record))) === sha256;
    },
  };
}

async function digest(parts: AsyncIterable<Buffer>): Promise<string> {
  const hasher = createHash('sha256');
  for await (const part of parts) hasher.update(part);
  return hasher.digest('hex');
}

/** The segment from a record's beginning on. */
function behind(file: SegmentReader, from: number): SegmentReader {
  return { read: (offset, length) => file.read(from + offset, length), close: () => file.close() };
}

function bySequence(a: SegmentName, b: SegmentName): number {
  return (a.kind === 'group' ? a.sequence : 0) - (b.kind === 'group' ? b.sequence : 0);
}
