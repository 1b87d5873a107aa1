import type { CaptureTarget, Envelope, ImapCapture, LogEvent, SmtpCapture } from './log.ts';
import { jsonRecord, recordId, type WarcFields, warcHead } from './warc.ts';

/** Version of the records. A reader refuses a newer one. */
export const FORMAT = 1;

/** A longer one would not fit the room that a large record keeps for its head; a folder's name may be that long. */
const LONGEST_URI = 4_000;

/** The block of a message's metadata record: the commit mark, and all that is known of the message. */
export interface MessageMetadata {
  kind: 'message';
  format: number;
  writer: string;
  number: number;
  archive: string;
  /** Bytes of the message. */
  length: number;
  /** Lower-case hex over the message. */
  sha256: string;
  targets: CaptureTarget[];
  retention: Envelope['retention'];
  capture: SmtpCapture | ImapCapture;
  begunAt: string;
  receivedAt: string;
  software: string;
}

export interface EventMetadata extends LogEvent {
  kind: 'event';
  format: number;
  writer: string;
  number: number;
  archive: string;
  software: string;
}

/** Ends a segment that was closed in order. Has no number, since it is no deed. */
export interface SegmentEnd {
  kind: 'segment-end';
  format: number;
  writer: string;
  /** Records with a number in this segment, and the bytes of their messages. */
  messages: number;
  events: number;
  messageBytes: number;
}

export type Metadata = MessageMetadata | EventMetadata | SegmentEnd;

/** What identifies the log that writes. */
export interface Origin {
  archive: string;
  writer: string;
  software: string;
}

/** What stands around a message's bytes: `head`, the bytes, then `tail`. */
export interface MessageFrame {
  head: Buffer;
  tail: Buffer;
}

/** Frames a message as a resource record and, concurrent to it, the metadata record that commits it. */
export function frameMessage(
  origin: Origin,
  number: number,
  length: number,
  sha256: string,
  envelope: Envelope,
): MessageFrame {
  const id = recordId();
  const date = envelope.receivedAt;
  const uri = targetUri(origin, number, envelope.capture);
  const head = warcHead([
    ['WARC-Type', 'resource'],
    ['WARC-Record-ID', id],
    ['WARC-Date', date],
    ['WARC-Target-URI', uri],
    ['Content-Type', 'message/rfc822'],
    ['WARC-Block-Digest', `sha256:${sha256}`],
    ['Content-Length', String(length)],
  ]);
  const fields: WarcFields = [
    ['WARC-Target-URI', uri],
    ['WARC-Concurrent-To', id],
  ];
  const json = messageJson(origin, number, length, sha256, envelope);
  return { head, tail: jsonRecord(date, fields, json, '\r\n\r\n') };
}

/** An envelope whose every field {@link messageJson} knows: a field that is added to Envelope does not compile until it does. */
type WrittenOut = Envelope & Record<Exclude<keyof Envelope, WrittenField>, never>;
type WrittenField = 'targets' | 'retention' | 'capture' | 'begunAt' | 'receivedAt';

/**
 * {@link MessageMetadata} as JSON. Written out, because this is on the way of every message: what is the same for many is
 * made once, and only a stranger's text goes through JSON.stringify.
 */
function messageJson(origin: Origin, number: number, length: number, sha256: string, envelope: WrittenOut): string {
  const { archive, writer, software } = origin;
  const { targets, retention, capture, begunAt, receivedAt } = envelope;
  return `{"kind":"message","format":${FORMAT},"writer":"${writer}","number":${number},"archive":${JSON.stringify(archive)},"length":${length},"sha256":"${sha256}","targets":[${targets.map(targetJson).join(',')}],"retention":"${retention}","capture":${JSON.stringify(capture)},"begunAt":"${begunAt}","receivedAt":"${receivedAt}","software":${JSON.stringify(software)}}`;
}

const targetTexts = new WeakMap<CaptureTarget, string>();

/** Targets are objects that live as long as their connection is served, and are never changed. */
function targetJson(target: CaptureTarget): string {
  let text = targetTexts.get(target);
  if (text === undefined) {
    text = JSON.stringify(target);
    targetTexts.set(target, text);
  }
  return text;
}

/** An event is a metadata record that is concurrent to nothing. */
export function frameEvent(origin: Origin, number: number, event: LogEvent): Buffer {
  const metadata: EventMetadata = {
    kind: 'event',
    format: FORMAT,
    writer: origin.writer,
    number,
    archive: origin.archive,
    software: origin.software,
    ...event,
  };
  return jsonRecord(event.at, [['WARC-Target-URI', logUri(origin, number)]], JSON.stringify(metadata));
}

export function frameSegmentEnd(
  date: string,
  origin: Origin,
  counts: Omit<SegmentEnd, 'kind' | 'format' | 'writer'>,
): Buffer {
  const metadata: SegmentEnd = { kind: 'segment-end', format: FORMAT, writer: origin.writer, ...counts };
  const uri = `mailhold:${origin.archive}/${origin.writer}`;
  return jsonRecord(date, [['WARC-Target-URI', uri]], JSON.stringify(metadata));
}

/** `mailhold:ARCHIVE/WRITER/NUMBER`: where the record stands. A Message-ID is the sender's word and names nothing. */
function logUri(origin: Origin, number: number): string {
  return `mailhold:${origin.archive}/${origin.writer}/${number}`;
}

/** For IMAP the URL of the message at its source (RFC 5092, 5 and 6). */
function targetUri(origin: Origin, number: number, capture: SmtpCapture | ImapCapture): string {
  if (capture.kind === 'smtp') return logUri(origin, number);
  const { host, port, user, folder, uidValidity, uid } = capture;
  const path = folder.split('/').map(encodeURIComponent).join('/');
  const server = host.includes(':') ? `[${host}]` : host;
  const url = `imap://${encodeURIComponent(user)}@${server}:${port}/${path};UIDVALIDITY=${uidValidity}/;UID=${uid}`;
  return url.length <= LONGEST_URI ? url : logUri(origin, number);
}
