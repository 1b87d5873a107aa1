import { hash, randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Named fields of a WARC record in the order in which they are written (ISO 28500:2017, clause 5). */
export type WarcFields = readonly (readonly [name: string, value: string])[];

/** Ends every record (clause 4). */
export const RECORD_END = Buffer.from('\r\n\r\n');

/** A record identifier, unique everywhere (5.2). */
export function recordId(): string {
  return `<urn:uuid:${randomUUID()}>`;
}

/** The last field of each head, over the bytes before it. The format's own digests leave the head out. */
const CHECKSUM = 'Mailhold-Head-Checksum: crc32:';

/** Version line, fields and the empty line, the checksum still to be filled in. */
function openHead(fields: WarcFields): string {
  let head = 'WARC/1.1\r\n';
  for (const [name, value] of fields) head += `${name}: ${value}\r\n`;
  return `${head}${CHECKSUM}00000000\r\n\r\n`;
}

/** Bytes from the checksum to the end of a head. */
const CHECKSUM_TO_END = '00000000\r\n\r\n'.length;

/** Fills the checksum into a head that stands in `bytes`, in place. */
function sealHead(bytes: Buffer, start: number, end: number): void {
  const at = end - CHECKSUM_TO_END;
  bytes.write(checksum(bytes.subarray(start, at - CHECKSUM.length)), at, 'latin1');
}

/** The bytes of a head. The block and {@link RECORD_END} follow. */
export function warcHead(fields: WarcFields): Buffer {
  const head = Buffer.from(openHead(fields));
  sealHead(head, 0, head.length);
  return head;
}

/**
 * A head and its whole block as one record.
 *
 * @param before bytes that are put before it
 */
function warcRecord(fields: WarcFields, block: string, before = ''): Buffer {
  const head = before + openHead(fields);
  const headBytes = Buffer.byteLength(head);
  const blockBytes = Buffer.byteLength(block);
  const record = Buffer.allocUnsafe(headBytes + blockBytes + RECORD_END.length);
  record.write(head, 0);
  record.write(block, headBytes);
  RECORD_END.copy(record, headBytes + blockBytes);
  sealHead(record, before.length, headBytes);
  return record;
}

/** True where the head, without the empty line behind it, is as it was written. */
export function headAgrees(head: Buffer): boolean {
  const at = head.lastIndexOf(`\r\n${CHECKSUM}`) + 2;
  return at >= 2 && head.toString('latin1', at + CHECKSUM.length) === checksum(head.subarray(0, at));
}

function checksum(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

/**
 * A metadata record with a JSON block, which carries its own digest.
 *
 * @param before bytes that are put before it
 */
export function jsonRecord(date: string, fields: WarcFields, json: string, before = ''): Buffer {
  return warcRecord(
    [
      ['WARC-Type', 'metadata'],
      ['WARC-Record-ID', recordId()],
      ['WARC-Date', date],
      ...fields,
      ['Content-Type', 'application/json'],
      ['WARC-Block-Digest', `sha256:${hash('sha256', json, 'hex')}`],
      ['Content-Length', String(Buffer.byteLength(json))],
    ],
    json,
    before,
  );
}

/**
 * The record that begins a segment (6.2).
 *
 * @param fill the whole record becomes exactly this many bytes, by a comment field of spaces in its block
 */
export function warcinfoRecord(date: string, software: string, archiveId: string, fill?: number): Buffer {
  const fields = `software: ${software}\r\nformat: WARC File Format 1.1\r\nisPartOf: ${archiveId}\r\nmailhold-format: 1\r\n`;
  const id = recordId();
  const record = (block: string): Buffer =>
    warcRecord(
      [
        ['WARC-Type', 'warcinfo'],
        ['WARC-Record-ID', id],
        ['WARC-Date', date],
        ['Content-Type', 'application/warc-fields'],
        ['WARC-Block-Digest', `sha256:${hash('sha256', block, 'hex')}`],
        // Six digits whatever the length, so that filling the block does not move the head.
        ['Content-Length', String(Buffer.byteLength(block)).padStart(6, '0')],
      ],
      block,
    );
  if (fill === undefined) return record(fields);
  const missing = fill - record(`${fields}fill: \r\n`).length;
  return record(`${fields}fill: ${' '.repeat(missing)}\r\n`);
}

/** Fields of a head by lower-case name. Undefined where it is no WARC 1.x head. */
export function parseHead(head: string): Map<string, string> | undefined {
  const lines = head.split('\r\n');
  if (!/^WARC\/1\.[01]$/.test(lines[0] ?? '')) return undefined;
  const fields = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    if (colon < 1) return undefined;
    fields.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return fields;
}
