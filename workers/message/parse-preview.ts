import { type AddressObject, type Attachment, type ParsedMail, simpleParser } from 'mailparser';
import { readableText } from './html-text.ts';

export interface PreviewLimits {
  /** Of a message; what is behind is not parsed. */
  messageBytes: number;
  /** Of one text; the rest is cut. */
  textCharacters: number;
  headerBytes: number;
  /** MIME parts of one message. */
  parts: number;
  /** Messages within messages. A journal report is the first level, the mail that it reports the second. */
  depth: number;
}

export interface PreviewInput {
  bytes: Uint8Array;
  /** Bytes of the whole message, of which `bytes` may be the beginning. */
  length: number;
  limits: PreviewLimits;
}

/** A message as a person reads it. All texts are the sender's: print them through a filter for control characters. */
export interface Preview {
  /** True for a journal report: its text is the envelope, and the mail itself is the first of `messages`. */
  journalReport: boolean;
  headers: { name: string; value: string }[];
  text: string;
  /** True where there was HTML alone, and `text` is what could be read of it. */
  fromHTML: boolean;
  attachments: { name: string; type: string; bytes: number }[];
  /** Messages that are attached, as previews of their own. */
  messages: Preview[];
  /** What was left out, and why: one sentence each. */
  notes: string[];
}

/** Marks of a journal report: Exchange's own, and that of Exchange 2003, also in the spelling that Exchange checks for. */
const JOURNAL_HEADERS = ['x-ms-journal-report', 'x-ms-exchange-organization-journal-report'];
const LEGACY_JOURNAL_HEADERS = ['content-identifier', 'content-identifer'];

/**
 * Parses a message and the messages attached to it.
 *
 * @throws whatever the parser throws where a message is past its limits or cannot be understood
 */
export async function parsePreview({ bytes, length, limits }: PreviewInput, level = 1): Promise<Preview> {
  const notes: string[] = [];
  const part = bytes.subarray(0, limits.messageBytes);
  if (part.length < length) notes.push(`Only the first ${part.length} of ${length} bytes were parsed.`);
  const mail = await simpleParser(Buffer.from(part.buffer, part.byteOffset, part.length), {
    // Nested tables that are not closed keep that converter busy for minutes.
    skipHtmlToText: true,
    maxHtmlLengthToParse: limits.textCharacters,
    skipTextToHtml: true,
    skipTextLinks: true,
    skipImageLinks: true,
    keepCidLinks: true,
    // Attached messages are parsed below, one level after the other, with bounds of our own.
    ignoreEmbedded: true,
    checksumAlgo: false,
    maxHeadSize: limits.headerBytes,
    maxChildNodes: limits.parts,
  });
  const { text, fromHTML } = textOf(mail, limits.textCharacters, notes);
  const preview: Preview = {
    journalReport: isJournalReport(mail),
    headers: headersOf(mail),
    text,
    fromHTML,
    attachments: [],
    messages: [],
    notes,
  };
  for (const attachment of mail.attachments) {
    if (attachment.contentType !== 'message/rfc822' || level >= limits.depth) {
      preview.attachments.push(described(attachment));
      continue;
    }
    const { content } = attachment;
    preview.messages.push(await parsePreview({ bytes: content, length: content.length, limits }, level + 1));
  }
  return preview;
}

function textOf(mail: ParsedMail, most: number, notes: string[]): { text: string; fromHTML: boolean } {
  const html = typeof mail.html === 'string' ? mail.html : '';
  const fromHTML = (mail.text ?? '').trim() === '' && html !== '';
  const source = fromHTML ? html : (mail.text ?? '');
  if (source.length > most) notes.push(`The text was cut after ${most} of ${source.length} characters.`);
  const kept = source.slice(0, most);
  return { text: fromHTML ? readableText(kept) : kept, fromHTML };
}

/** By the lines: the parser's map leaves out a header without a value, and Exchange's mark has none. */
function isJournalReport({ headers, headerLines }: ParsedMail): boolean {
  return (
    headerLines.some(({ key }) => JOURNAL_HEADERS.includes(key)) ||
    LEGACY_JOURNAL_HEADERS.some((name) => headers.get(name) === 'ExJournalReport')
  );
}

function headersOf(mail: ParsedMail): Preview['headers'] {
  const shown: [name: string, value: string | undefined][] = [
    ['From', addresses(mail.from)],
    ['To', addresses(mail.to)],
    ['Cc', addresses(mail.cc)],
    ['Bcc', addresses(mail.bcc)],
    ['Date', mail.date?.toISOString()],
    ['Subject', mail.subject],
    ['Message-ID', mail.messageId],
  ];
  return shown.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [{ name, value }]));
}

function addresses(value: AddressObject | AddressObject[] | undefined): string | undefined {
  if (value === undefined) return undefined;
  return (Array.isArray(value) ? value : [value]).map(({ text }) => text).join(', ');
}

function described({ filename, contentType, size }: Attachment): Preview['attachments'][number] {
  return { name: filename ?? '(no name)', type: contentType, bytes: size };
}
