import { hash } from 'node:crypto';
import type { EventMetadata, MessageMetadata, Metadata, SegmentEnd } from './metadata.ts';
import { FORMAT } from './metadata.ts';
import type { SegmentReader } from './store.ts';
import { headAgrees, parseHead, RECORD_END } from './warc.ts';

const WINDOW_BYTES = 256 * 1024;
/** Longer heads are not ours. */
const LONGEST_HEAD = 16 * 1024;
/** Longer metadata is not ours; the block is read into memory. */
const LONGEST_METADATA = 1024 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');
/** What stands between one record and the next, by which reading finds its place again after damage. */
const NEXT_RECORD = Buffer.from('\r\n\r\nWARC/1.1\r\n');

/** What a segment holds, in order. Offsets are bytes from its beginning. */
export type Scanned =
  | { kind: 'message'; offset: number; blockOffset: number; end: number; metadata: MessageMetadata }
  | { kind: 'event'; offset: number; end: number; metadata: EventMetadata }
  | { kind: 'segment-end'; offset: number; end: number; metadata: SegmentEnd }
  /** Bytes that are no record, with records behind them. */
  | { kind: 'damage'; offset: number; end: number; why: string }
  /** Bytes that are no record, and nothing behind them: the segment broke off. */
  | { kind: 'torn'; offset: number; end: number; why: string }
  | { kind: 'newer-format'; offset: number; end: number; format: number };

interface RawRecord {
  offset: number;
  fields: Map<string, string>;
  /** False where a field is not as it was written. */
  headAgrees: boolean;
  blockOffset: number;
  blockLength: number;
  end: number;
}

/**
 * Reads the records of a segment. Heads and metadata are checked, the bytes of messages are not read.
 *
 * @param writer whose segment it is: metadata that names another one is not believed
 * @param bytes where the segment ends, or what of it counts
 */
export async function* scanSegment(
  segment: SegmentReader,
  writer: string,
  bytes: number,
): AsyncGenerator<Scanned, void, undefined> {
  const window = createWindow(segment);
  let offset = 0;
  let resource: RawRecord | undefined;
  while (offset < bytes) {
    const record = await readRecord(window, offset, bytes);
    const found = typeof record === 'string' ? record : await understand(window, record, resource, writer);
    if (typeof found === 'string') {
      const broken = resource?.offset ?? offset;
      const next = await findNext(window, offset + 1, bytes);
      resource = undefined;
      if (next === undefined) {
        yield { kind: 'torn', offset: broken, end: bytes, why: found };
        return;
      }
      yield { kind: 'damage', offset: broken, end: next, why: found };
      offset = next;
      continue;
    }
    offset = typeof record === 'string' ? bytes : record.end;
    if (typeof record !== 'string' && !record.headAgrees) {
      // What the record says is in its block, which has a digest: it is read all the same.
      const why = `${nameOf(found)} with a head that does not agree with its checksum`;
      yield { kind: 'damage', offset: record.offset, end: record.blockOffset, why };
    }
    resource = found.kind === 'resource' ? found.record : undefined;
    if (found.kind === 'resource' || found.kind === 'warcinfo') continue;
    yield found;
  }
  if (resource) yield { kind: 'torn', offset: resource.offset, end: bytes, why: 'its metadata is missing' };
}

type Understood =
  | Exclude<Scanned, { kind: 'damage' | 'torn' }>
  | { kind: 'resource'; record: RawRecord }
  | { kind: 'warcinfo' };

function nameOf(found: Understood): string {
  switch (found.kind) {
    case 'message':
      return `the metadata of record ${found.metadata.number}`;
    case 'event':
      return `record ${found.metadata.number}`;
    case 'resource':
      return `the message of record ${found.record.fields.get('warc-target-uri')?.split('/').at(-1) ?? ''}`;
    case 'warcinfo':
    case 'segment-end':
    case 'newer-format':
      return 'a record';
  }
}

/** The record's meaning, or why it has none. */
async function understand(
  window: Window,
  record: RawRecord,
  resource: RawRecord | undefined,
  writer: string,
): Promise<Understood | string> {
  const type = record.fields.get('warc-type');
  if (resource && type !== 'metadata') return 'a message without metadata';
  if (type === 'resource') return { kind: 'resource', record };
  if (type !== 'metadata' && type !== 'warcinfo') return `a record of type ${type ?? 'none'}`;
  if (record.blockLength > LONGEST_METADATA) return `${type} of an impossible length`;
  const block = await window.read(record.blockOffset, record.blockLength);
  if (record.fields.get('warc-block-digest') !== `sha256:${hash('sha256', block, 'hex')}`) {
    return `${type} that does not agree with its digest`;
  }
  if (type === 'warcinfo') return { kind: 'warcinfo' };
  const metadata = JSON.parse(block.toString('utf8')) as Metadata;
  const { offset, end } = record;
  if (metadata.format > FORMAT) return { kind: 'newer-format', offset, end, format: metadata.format };
  if (metadata.writer !== writer) return 'metadata of another writer';
  switch (metadata.kind) {
    case 'event':
      return resource ? 'a message without metadata' : { kind: 'event', offset, end, metadata };
    case 'segment-end':
      return resource ? 'a message without metadata' : { kind: 'segment-end', offset, end, metadata };
    case 'message':
      if (!resource) return 'metadata without its message';
      if (resource.fields.get('warc-record-id') !== record.fields.get('warc-concurrent-to')) {
        return 'metadata of another message';
      }
      if (resource.blockLength !== metadata.length) return 'a message of another length than its metadata says';
      if (resource.fields.get('warc-block-digest') !== `sha256:${metadata.sha256}`) {
        return 'a message with another digest than its metadata says';
      }
      return { kind: 'message', offset: resource.offset, blockOffset: resource.blockOffset, end, metadata };
  }
}

/** The record at the offset, or why there is none. */
async function readRecord(window: Window, offset: number, bytes: number): Promise<RawRecord | string> {
  const head = await window.read(offset, Math.min(LONGEST_HEAD, bytes - offset));
  const headEnd = head.indexOf(HEAD_END);
  if (headEnd < 0) return 'no head of a record';
  const fields = parseHead(head.toString('utf8', 0, headEnd));
  const length = fields?.get('content-length');
  if (!fields || length === undefined || !/^\d{1,15}$/.test(length)) return 'no head of a record';
  const blockOffset = offset + headEnd + HEAD_END.length;
  const blockLength = Number(length);
  const end = blockOffset + blockLength + RECORD_END.length;
  if (end > bytes) return 'a record that ends too early';
  const after = await window.read(end - RECORD_END.length, RECORD_END.length);
  if (!after.equals(RECORD_END)) return 'a record that does not end where it says';
  return { offset, fields, headAgrees: headAgrees(head.subarray(0, headEnd)), blockOffset, blockLength, end };
}

async function findNext(window: Window, from: number, bytes: number): Promise<number | undefined> {
  let offset = from;
  while (offset < bytes) {
    const part = await window.read(offset, Math.min(WINDOW_BYTES, bytes - offset));
    const at = part.indexOf(NEXT_RECORD);
    if (at >= 0) return offset + at + HEAD_END.length;
    if (part.length < NEXT_RECORD.length) return undefined;
    offset += part.length - NEXT_RECORD.length + 1;
  }
  return undefined;
}

interface Window {
  read(offset: number, length: number): Promise<Buffer>;
}

/** Reads ahead, so that a segment of small records costs one read per 256 KB. */
function createWindow(segment: SegmentReader): Window {
  let start = 0;
  let held: Buffer = Buffer.alloc(0);
  return {
    read: async (offset, length) => {
      if (offset < start || offset + length > start + held.length) {
        held = await segment.read(offset, Math.max(length, WINDOW_BYTES));
        start = offset;
      }
      return held.subarray(offset - start, offset - start + length);
    },
  };
}
