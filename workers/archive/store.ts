/**
 * Where the archive log keeps its bytes. Small enough for an object store to meet: everything is created once and never
 * changed, except the mark of a writer, which is replaced.
 *
 * Every method rejects with the store's own error (`code` as in node:fs); what it means for mail is decided in fault.ts.
 */
export interface Store {
  /** Messages up to this many bytes are collected in memory and join the group commit. */
  readonly largeFrom: number;
  /**
   * Creates a segment for the group commit, durably, with its first bytes. Where it rejects it tried to leave nothing
   * behind; the name is not used again.
   */
  createSegment(writer: string, sequence: number, head: Buffer): Promise<SegmentWriter>;
  /** Starts a segment of one large record, invisible until it is finished. */
  createLarge(writer: string): Promise<LargeWriter>;
  /** All segments, or those of some writers, in no order. Unfinished large ones are not among them. */
  listSegments(writers?: readonly string[]): Promise<SegmentName[]>;
  openSegment(segment: SegmentName): Promise<SegmentReader>;
  writers(): Promise<string[]>;
  readMark(writer: string): Promise<string | undefined>;
  /** Replaces the mark as a whole; readers see the old or the new one. Not synced: a mark only ever lags. */
  writeMark(writer: string, text: string): Promise<void>;
  /** Durable. False where the name exists already, and then nothing is changed. */
  createNote(name: string, text: string): Promise<boolean>;
  readNote(name: string): Promise<string | undefined>;
  /** Names of the notes whose name begins with `prefix`. */
  listNotes(prefix: string): Promise<string[]>;
  /** Removes unfinished large segments of a writer that is dead. Resolves to how many. */
  removeUnfinished(writer: string): Promise<number>;
  /** Bytes that may still be written, or undefined where the store has no end. */
  freeBytes(): Promise<number | undefined>;
}

/** A segment of the group commit has a sequence number; one of a large record has the number of its record. */
export type SegmentName = { writer: string; path: string; bytes: number } & (
  | { kind: 'group'; sequence: number }
  | { kind: 'large'; record: number }
);

export interface SegmentWriter {
  /** As in {@link SegmentName}. */
  readonly path: string;
  /**
   * Writes the parts one after the other; resolves when they are on stable storage. Never called again after it
   * rejected: a second fdatasync may report success for pages that the first one lost.
   */
  commit(parts: readonly Buffer[]): Promise<void>;
  /** Releases the file. Does not sync. */
  close(): Promise<void>;
}

export interface LargeWriter {
  /** Writes at the end of what was written. One call at a time. */
  write(parts: readonly Buffer[]): Promise<void>;
  /** Writes `head` at the beginning, over as many bytes that were written for it, syncs, and names the segment. */
  finish(head: Buffer, record: number): Promise<void>;
  /** Leaves nothing behind, also after `finish` rejected. */
  discard(): Promise<void>;
}

export interface SegmentReader {
  /** Up to `length` bytes from `offset`; fewer only at the end of the segment. */
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}
