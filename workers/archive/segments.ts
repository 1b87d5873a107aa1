import { type Clock, timestamp } from '../process/clock.ts';
import { FaultError } from '../process/fault-error.ts';
import type { CommitEntry } from './group-commit.ts';
import { frameSegmentEnd, type Origin } from './metadata.ts';
import type { SegmentWriter, Store } from './store.ts';
import { claimName, lostRecordName, type TornNote, tornNoteName } from './torn-note.ts';
import { warcinfoRecord } from './warc.ts';

/** A segment is closed past this size: small enough to verify or copy on its own. */
const SEGMENT_BYTES = 256 * 1024 * 1024;

/** A commit that takes longer may have been stopped; well below the time after which a writer is taken for dead. */
const STOPPED_MS = 20_000;

/** The segments of the group commit of one writer, one after the other. */
export interface Segments {
  /** Appends a batch durably. After a failure the segment is closed for good and the next batch opens another. */
  commit(batch: readonly CommitEntry[]): Promise<void>;
  /** Notes that a large record has failed, so that its number is no hole. `prove` writes the note. */
  giveUpLarge(record: number, error: unknown): void;
  /** Writes the notes that wait and opens a segment where none is open: proves that the archive can be written. */
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

/** @param settled hears of each number that is durable, or given up by a note that is: no reader need wait for it */
export function createSegments(
  store: Store,
  origin: Origin,
  clock: Clock,
  settled: (number: number) => void,
): Segments {
  let current: OpenSegment | undefined;
  let opening: Promise<unknown> | undefined;
  let sequence = 0;
  /** The note on a broken segment that could not be written yet: no later segment exists before it is. */
  let torn: { name: string; note: TornNote } | undefined;
  /** Numbers that were given up and that no durable note names yet. */
  let lost: { numbers: number[]; error: unknown } | undefined;

  const writeNotes = async (): Promise<void> => {
    if (torn) {
      const { name, note } = torn;
      await store.createNote(name, JSON.stringify(note));
      torn = undefined;
    }
    if (lost) {
      const { numbers, error } = lost;
      const name = lostRecordName(origin.writer, numbers[0] ?? 0);
      lost = undefined;
      try {
        await store.createNote(name, JSON.stringify(noteOn(numbers, error)));
      } catch (failure) {
        giveUpNumbers(numbers, error);
        throw failure;
      }
      for (const number of numbers) settled(number);
    }
  };
  const giveUpNumbers = (numbers: readonly number[], error: unknown): void => {
    lost = { numbers: [...numbers, ...(lost?.numbers ?? [])], error };
  };
  const openNext = async (): Promise<OpenSegment> => {
    await writeNotes();
    sequence += 1;
    const head = warcinfoRecord(timestamp(clock), origin.software, origin.archive);
    const file = await store.createSegment(origin.writer, sequence, head);
    return { file, sequence, bytes: head.length, messages: 0, events: 0, messageBytes: 0 };
  };
  /** One at a time, whoever asks. */
  const openSegment = async (): Promise<OpenSegment> => {
    while (current === undefined) {
      opening ??= openNext()
        .then((segment) => {
          current = segment;
        })
        .finally(() => {
          opening = undefined;
        });
      await opening;
    }
    return current;
  };
  const noteOn = (numbers: number[], error: unknown): TornNote => ({
    version: 1,
    writer: origin.writer,
    lost: numbers,
    at: timestamp(clock),
    why: error instanceof Error && 'code' in error ? String(error.code) : 'write failed',
  });
  /** What the failed write left behind counts for nothing, whatever of it may be readable. */
  const giveUp = async (segment: OpenSegment, error: unknown): Promise<void> => {
    const tail = { segment: segment.file.path, goodBytes: segment.bytes };
    torn = { name: tornNoteName(origin.writer, segment.sequence), note: { ...noteOn([], error), tail } };
    // The descriptor is of no more use; what closing it says changes nothing.
    await segment.file.close().catch((closeError: unknown) => closeError);
  };
  /** A process that was stopped in the middle of a write may have been taken for dead, and its tail set aside. */
  const refuseIfClaimed = async (segment: OpenSegment): Promise<void> => {
    const claim = await store.readNote(claimName(origin.writer, segment.sequence));
    if (claim === undefined) return;
    const message = 'The segment was set aside by another process, because this one had stood still for over a minute.';
    throw new FaultError('ArchiveNotWritable', 'later', message);
  };
  const end = async (segment: OpenSegment): Promise<void> => {
    const { messages, events, messageBytes } = segment;
    const record = frameSegmentEnd(timestamp(clock), origin, { messages, events, messageBytes });
    await segment.file.commit([record]).finally(() => segment.file.close());
  };
  const count = (segment: OpenSegment, batch: readonly CommitEntry[]): void => {
    for (const entry of batch) {
      segment.bytes += entry.bytes;
      if (entry.messageBytes === undefined) segment.events += 1;
      else {
        segment.messages += 1;
        segment.messageBytes += entry.messageBytes;
      }
    }
  };

  return {
    commit: async (batch) => {
      const numbers = batch.map((entry) => entry.number);
      let segment: OpenSegment | undefined;
      try {
        segment = await openSegment();
        const began = clock.monotonic();
        const beganAt = clock.now();
        await segment.file.commit(batch.flatMap((entry) => entry.parts));
        // The wall clock too: the monotonic one stands still while a virtual machine does.
        const took = Math.max(clock.monotonic() - began, clock.now() - beganAt);
        if (took > STOPPED_MS) await refuseIfClaimed(segment);
      } catch (error) {
        giveUpNumbers(numbers, error);
        if (segment) {
          current = undefined;
          await giveUp(segment, error);
        }
        throw error;
      }
      count(segment, batch);
      for (const number of numbers) settled(number);
      if (segment.bytes >= SEGMENT_BYTES) {
        current = undefined;
        // Its records are durable already; without the closing record a reader only checks more.
        await end(segment).catch((error: unknown) => giveUp(segment, error));
      }
    },
    giveUpLarge: (record, error) => giveUpNumbers([record], error),
    prove: async () => {
      await writeNotes();
      await openSegment();
    },
    close: async () => {
      const segment = current;
      current = undefined;
      await writeNotes();
      if (segment) await end(segment);
    },
  };
}
