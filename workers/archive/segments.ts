import { type Clock, timestamp } from '../process/clock.ts';
import { FaultError } from '../process/fault-error.ts';
import type { CommitEntry } from './group-commit.ts';
import { frameSegmentEnd, type Origin } from './metadata.ts';
import type { SegmentWriter, Store } from './store.ts';
import { type TornNote, tornNoteName } from './torn-note.ts';
import { warcinfoRecord } from './warc.ts';

/** A segment is closed past this size: small enough to verify or copy on its own. */
const SEGMENT_BYTES = 256 * 1024 * 1024;

/** A commit that takes longer may have been stopped; well below the time after which a writer is taken for dead. */
const STOPPED_MS = 20_000;

/** The segments of the group commit of one writer, one after the other. */
export interface Segments {
  /** Appends a batch durably. After a failure the segment is closed for good and the next batch opens another. */
  commit(batch: readonly CommitEntry[]): Promise<void>;
  /** Opens a segment now where none is open: proves that the archive can be written. */
  prove(): Promise<void>;
  /** Ends the open segment in order. */
  close(): Promise<void>;
}

interface OpenSegment {
  file: SegmentWriter;
  sequence: number;
  bytes: number;
  messages: number;
  events: number;
  messageBytes: number;
}

export function createSegments(store: Store, origin: Origin, clock: Clock): Segments {
  let current: OpenSegment | undefined;
  let sequence = 0;
  /** Notes on broken segments that could not be written yet. No later segment exists before they are. */
  let unwritten: { name: string; note: TornNote }[] = [];

  const openNext = async (): Promise<OpenSegment> => {
    for (const { name, note } of unwritten) await store.createNote(name, JSON.stringify(note));
    unwritten = [];
    sequence += 1;
    const file = await store.createSegment(origin.writer, sequence);
    const segment = { file, sequence, bytes: 0, messages: 0, events: 0, messageBytes: 0 };
    const info = Buffer.from(warcinfoRecord(timestamp(clock), origin.software, origin.archive));
    try {
      await file.commit([info]);
    } catch (error) {
      await giveUp(segment, [], error);
      throw error;
    }
    segment.bytes = info.length;
    return segment;
  };
  /** What the failed write left behind counts for nothing, whatever of it may be readable. */
  const giveUp = async (segment: OpenSegment, lost: number[], error: unknown): Promise<void> => {
    unwritten.push({
      name: tornNoteName(origin.writer, segment.sequence),
      note: {
        version: 1,
        segment: segment.file.path,
        goodBytes: segment.bytes,
        lost,
        at: timestamp(clock),
        why: error instanceof Error && 'code' in error ? String(error.code) : 'write failed',
      },
    });
    // The descriptor is of no more use; what closing it says changes nothing.
    await segment.file.close().catch((closeError: unknown) => closeError);
  };
  /** A process that was stopped in the middle of a write may have been taken for dead, and its tail set aside. */
  const refuseIfSetAside = async (segment: OpenSegment): Promise<void> => {
    const note = await store.readNote(tornNoteName(origin.writer, segment.sequence));
    if (note === undefined) return;
    const message = 'The segment was set aside by another process, because this one had stood still for over a minute.';
    throw new FaultError('ArchiveNotWritable', 'later', message);
  };
  const end = async (segment: OpenSegment): Promise<void> => {
    const { messages, events, messageBytes } = segment;
    const record = frameSegmentEnd(timestamp(clock), origin, { messages, events, messageBytes });
    await segment.file.commit([Buffer.from(record)]);
    await segment.file.close();
  };

  return {
    commit: async (batch) => {
      current ??= await openNext();
      const segment = current;
      const began = clock.monotonic();
      try {
        await segment.file.commit(batch.flatMap((entry) => entry.parts));
        if (clock.monotonic() - began > STOPPED_MS) await refuseIfSetAside(segment);
      } catch (error) {
        current = undefined;
        await giveUp(
          segment,
          batch.map((entry) => entry.number),
          error,
        );
        throw error;
      }
      for (const entry of batch) {
        segment.bytes += entry.bytes;
        if (entry.messageBytes === undefined) segment.events += 1;
        else {
          segment.messages += 1;
          segment.messageBytes += entry.messageBytes;
        }
      }
      if (segment.bytes >= SEGMENT_BYTES) {
        current = undefined;
        // Its records are durable already; without the closing record a reader only checks more.
        await end(segment).catch((error: unknown) => giveUp(segment, [], error));
      }
    },
    prove: async () => {
      current ??= await openNext();
    },
    close: async () => {
      const segment = current;
      current = undefined;
      if (segment) await end(segment);
    },
  };
}
