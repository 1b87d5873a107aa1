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

/** Version line, fields and the empty line. The block and {@link RECORD_END} follow. */
export function warcHead(fields: WarcFields): string {
  let head = 'WARC/1.1\r\n';
  for (const [name, value] of fields) head += `${name}: ${value}\r\n`;
  return `${head}${CHECKSUM}${checksum(head)}\r\n\r\n`;
}

/** True where the head, without the empty line behind it, is as it was written. */
export function headAgrees(head: Buffer): boolean {
  const at = head.lastIndexOf(`\r\n${CHECKSUM}`) + 2;
  return at >= 2 && head.toString('latin1', at + CHECKSUM.length) === checksum(head.subarray(0, at));
}

function checksum(bytes: string | Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}

/** A whole record with a JSON block, which carries its own digest. */
export function jsonRecord(type: 'metadata', id: string, date: string, fields: WarcFields, value: unknown): string {
  const block = JSON.stringify(value);
  return `${warcHead([
    ['WARC-Type', type],
    ['WARC-Record-ID', id],
    ['WARC-Date', date],
    ...fields,
    ['Content-Type', 'application/json'],
    ['WARC-Block-Digest', `sha256:${hash('sha256', block, 'hex')}`],
    ['Content-Length', String(Buffer.byteLength(block))],
  ])}${block}\r\n\r\n`;
}

/**
 * The record that begins a segment (6.2).
 *
 * @param fill the whole record becomes exactly this many bytes, by a comment field of spaces in its block
 */
export function warcinfoRecord(date: string, software: string, archiveId: string, fill?: number): string {
  const fields = `software: ${software}\r\nformat: WARC File Format 1.1\r\nisPartOf: ${archiveId}\r\nmailhold-format: 1\r\n`;
  const record = (block: string): string => {
    // Six digits whatever the length, so that filling the block does not move the head.
    const length = String(Buffer.byteLength(block)).padStart(6, '0');
    return `${warcHead([
      ['WARC-Type', 'warcinfo'],
      ['WARC-Record-ID', id],
      ['WARC-Date', date],
      ['Content-Type', 'application/warc-fields'],
      ['WARC-Block-Digest', `sha256:${hash('sha256', block, 'hex')}`],
      ['Content-Length', length],
    ])}${block}\r\n\r\n`;
  };
  const id = recordId();
  if (fill === undefined) return record(fields);
  const missing = fill - Buffer.byteLength(record(`${fields}fill: \r\n`));
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
