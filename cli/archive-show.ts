import { type MessageRecord, readMessage } from '../workers/archive/reader.ts';
import type { Preview } from '../workers/message/parse-preview.ts';
import { PREVIEW_LIMITS, previewMessage } from '../workers/message/preview.ts';
import { namedMessage } from './archive-folder.ts';
import { CommandError, ExitCode, type Io } from './io.ts';
import { type Paint, paintFor } from './table.ts';

const usage = `usage: mailhold archive show FOLDER POSITION|DIGEST

Shows one message for reading: how it came, its headers, its text, its attachments, and the messages within it.
`;

/** `mailhold archive show`. */
export async function archiveShow(args: readonly string[], io: Io): Promise<number> {
  const named = await namedMessage(args, io, usage);
  if (named === undefined) return ExitCode.ok;
  const { store, record } = named;
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of readMessage(store, record)) {
    parts.push(part);
    bytes += part.length;
    if (bytes >= PREVIEW_LIMITS.messageBytes) break;
  }
  const paint = paintFor(io);
  io.stdout.write(`${captureLines(record, paint).map(printableLine).join('\n')}\n\n`);
  const result = await previewMessage(Buffer.concat(parts), record.metadata.length);
  if (result.kind === 'none') {
    throw new CommandError(`The message has no preview: ${result.why} "archive cat" writes it out as it is.`);
  }
  const lines = previewLines(result.preview, paint, '');
  io.stdout.write(`${lines.join('\n')}\n`);
  return ExitCode.ok;
}

function captureLines({ position, metadata }: MessageRecord, paint: Paint): string[] {
  const { capture, targets } = metadata;
  const field = (name: string, value: string): string => `${paint(name.padEnd(10), 'dim')} ${value}`;
  const common = [
    field('position', `${position.writer}:${position.number}`),
    field('digest', `sha256:${metadata.sha256}`),
    field('bytes', String(metadata.length)),
    field('received', metadata.receivedAt),
    field('for', targets.map(({ namespace, name }) => `${namespace}/${name}`).join(', ')),
  ];
  switch (capture.kind) {
    case 'smtp':
      return [
        ...common,
        field('peer', `${capture.peer.address} (${capture.helo}), ${capture.tls?.version ?? 'without TLS'}`),
        field('MAIL FROM', `<${capture.mailFrom}>`),
        field('RCPT TO', capture.rcptTo.map((address) => `<${address}>`).join(' ')),
      ];
    case 'imap':
      return [
        ...common,
        field('mailbox', `${capture.user}@${capture.host}:${capture.port}/${capture.folder}`),
        field('UID', `${capture.uid} (UIDVALIDITY ${capture.uidValidity})`),
      ];
  }
}

function previewLines(preview: Preview, paint: Paint, indent: string): string[] {
  const headers = preview.headers.map(({ name, value }) => `${paint(`${name}:`, 'bold')} ${printableLine(value)}`);
  const attachments = preview.attachments.map(
    ({ name, type, bytes }) => `[${printableLine(name)}, ${printableLine(type)}, ${bytes} bytes]`,
  );
  const kind = preview.journalReport ? [paint('Journal report; the mail that it reports is beneath.', 'dim')] : [];
  const text = preview.text.trimEnd().split('\n').map(printableLine);
  const ends = [...attachments, ...preview.notes.map((note) => paint(note, 'yellow'))];
  const own = [...kind, ...headers, '', ...text, ...(ends.length > 0 ? ['', ...ends] : [])];
  const inner = preview.messages.flatMap((message) => ['', ...previewLines(message, paint, '  | ')]);
  return [...own, ...inner].map((line) => `${indent}${line}`.trimEnd());
}

/** Mail must not steer the terminal: control characters are shown as a mark. */
function printableLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => (character === '\t' ? ' ' : '\ufffd')).replace(/\ufffd$/, '');
}
