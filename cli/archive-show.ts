import { type MessageRecord, readMessage } from '../workers/archive/reader.ts';
import { PREVIEW_BYTES, type Preview, previewMessage } from '../workers/message/preview.ts';
import { oneMessage, openArchiveFolder } from './archive-folder.ts';
import { parseArguments } from './arguments.ts';
import { CommandError, ExitCode, type Io, UsageError } from './io.ts';
import { type Paint, paintFor } from './table.ts';

const usage = `usage: mailhold archive show FOLDER POSITION|DIGEST [--headers]

Shows one message for reading: how it came, its headers, its text, its attachments, and the messages within it.

  --headers   all headers, not only those that people read
`;

const READ_BY_PEOPLE = new Set(['from', 'to', 'cc', 'bcc', 'date', 'subject', 'message-id', 'x-ms-journal-report']);

/** `mailhold archive show`. */
export async function archiveShow(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseArguments(args, { headers: { type: 'boolean', default: false } });
  if (values.help) {
    io.stdout.write(usage);
    return ExitCode.ok;
  }
  const [folder, reference, ...more] = positionals;
  if (folder === undefined || reference === undefined || more.length > 0) {
    throw new UsageError('name the folder of an archive and one message.');
  }
  const store = await openArchiveFolder(folder);
  const record = await oneMessage(store, reference);
  if (record.metadata.length > PREVIEW_BYTES) {
    throw new CommandError(
      `The message has ${record.metadata.length} bytes, too many for a preview; "archive cat" writes it out.`,
    );
  }
  const parts: Buffer[] = [];
  for await (const part of readMessage(store, record)) parts.push(part);
  const paint = paintFor(io);
  io.stdout.write(`${captureLines(record, paint).map(printableLine).join('\n')}\n\n`);
  const result = await previewMessage(Buffer.concat(parts));
  if (!result.ok) {
    throw new CommandError(`The message cannot be shown (${result.why}); "archive cat" writes it out as it is.`);
  }
  const lines = previewLines(result.preview, values.headers, paint, '');
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

function previewLines(preview: Preview, allHeaders: boolean, paint: Paint, indent: string): string[] {
  const headers = preview.headers
    .filter(({ name }) => allHeaders || READ_BY_PEOPLE.has(name.toLowerCase()))
    .map(({ name, value }) => `${paint(`${name}:`, 'bold')} ${printableLine(value)}`);
  const attachments = preview.attachments.map(
    ({ name, type, bytes }) => `[${printableLine(name || 'no name')}, ${printableLine(type)}, ${bytes} bytes]`,
  );
  const own = [
    ...headers,
    '',
    ...preview.text.trimEnd().split('\n').map(printableLine),
    ...(attachments.length > 0 ? [''] : []),
    ...attachments,
  ];
  const inner = preview.messages.flatMap((message) => ['', ...previewLines(message, allHeaders, paint, '  | ')]);
  return [...own, ...inner].map((line) => `${indent}${line}`);
}

/** Mail must not steer the terminal: control characters are shown as a mark. */
function printableLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => (character === '\t' ? ' ' : '\ufffd')).replace(/\ufffd$/, '');
}
