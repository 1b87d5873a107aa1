import { type MessageRecord, readArchive } from '../workers/archive/reader.ts';
import { openArchiveFolder } from './archive-folder.ts';
import { oneOf, parseArguments } from './arguments.ts';
import { ExitCode, type Io, UsageError } from './io.ts';
import { paintFor, renderTable } from './table.ts';

const usage = `usage: mailhold archive ls FOLDER [--connection NAMESPACE/NAME] [--since TIME] [--until TIME] [--limit N] [-o table|wide|json]

Lists the messages of an archive, the newest last.

  --connection     only those of this connection
  --since, --until only those received then; times as 2026-11-25 or 2026-11-25T14:00:00Z
  --limit N        the newest N (100; 0: all)
  -o, --output     table (default), wide (whole positions and digests), json (one line per message)
  --canaries       with the messages that Mailhold sends itself
`;

/** `mailhold archive ls`. */
export async function archiveLs(args: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = parseArguments(args, {
    connection: { type: 'string' },
    since: { type: 'string' },
    until: { type: 'string' },
    limit: { type: 'string', default: '100' },
    output: { type: 'string', short: 'o', default: 'table' },
    canaries: { type: 'boolean', default: false },
  });
  if (values.help) {
    io.stdout.write(usage);
    return ExitCode.ok;
  }
  const [folder, ...more] = positionals;
  if (folder === undefined || more.length > 0) throw new UsageError('name the folder of one archive.');
  if (!/^\d+$/.test(values.limit)) throw new UsageError(`--limit takes a number, not ${values.limit}.`);
  const output = oneOf('-o', values.output, ['table', 'wide', 'json']);
  const [since, until] = [timeOf('--since', values.since), timeOf('--until', values.until)];
  const store = await openArchiveFolder(folder);

  const wanted = ({ metadata }: MessageRecord): boolean => {
    const at = Date.parse(metadata.receivedAt);
    if ((since !== undefined && at < since) || (until !== undefined && at >= until)) return false;
    if (metadata.retention === 'canary' && !values.canaries) return false;
    return (
      values.connection === undefined ||
      metadata.targets.some(({ namespace, name }) => `${namespace}/${name}` === values.connection)
    );
  };
  const limit = Number(values.limit) || Number.POSITIVE_INFINITY;
  let kept: MessageRecord[] = [];
  let found = 0;
  let bad = 0;
  for await (const item of readArchive(store)) {
    if (item.kind === 'finding' && item.bad) bad += 1;
    if (item.kind !== 'message' || !wanted(item)) continue;
    found += 1;
    kept.push(item);
    // Writers follow one another, not times: keep the newest so far, now and then.
    if (kept.length >= 2 * limit + 1_000) kept = newest(kept, limit);
  }
  for (const line of render(newest(kept, limit), output, io)) io.stdout.write(`${line}\n`);
  if (found > limit) io.stderr.write(`${found - limit} older ones are not shown; --limit 0 shows all.\n`);
  if (bad > 0) io.stderr.write(`${bad} parts of the archive cannot be read; mailhold archive verify names them.\n`);
  return ExitCode.ok;
}

function newest(records: MessageRecord[], limit: number): MessageRecord[] {
  const at = ({ metadata }: MessageRecord): number => Date.parse(metadata.receivedAt);
  return records.toSorted((a, b) => at(a) - at(b) || a.position.number - b.position.number).slice(-limit);
}

function render(records: MessageRecord[], output: 'table' | 'wide' | 'json', io: Io): string[] {
  if (output === 'json') {
    return records.map(({ position, metadata, segment, offset }) =>
      JSON.stringify({ position: `${position.writer}:${position.number}`, segment: segment.path, offset, ...metadata }),
    );
  }
  if (records.length === 0) return ['No messages.'];
  const wide = output === 'wide';
  const header = ['POSITION', 'RECEIVED', 'CONNECTION', 'BYTES', 'FROM', 'DIGEST'];
  const rows = records.map(({ position, metadata }) =>
    [
      `${wide ? position.writer : position.writer.slice(0, 8)}:${position.number}`,
      metadata.receivedAt.replace(/\.\d+Z$/, 'Z'),
      metadata.targets.map(({ namespace, name }) => `${namespace}/${name}`).join(','),
      String(metadata.length),
      sourceOf(metadata.capture),
      wide ? metadata.sha256 : metadata.sha256.slice(0, 12),
    ].map((text) => ({ text })),
  );
  const paint = paintFor(io);
  return renderTable(header, rows).map((line, index) => (index === 0 ? paint(line, 'bold') : line));
}

function sourceOf(capture: MessageRecord['metadata']['capture']): string {
  switch (capture.kind) {
    case 'smtp':
      return `${capture.peer.address} <${capture.mailFrom}>`;
    case 'imap':
      return `${capture.user}@${capture.host}/${capture.folder} ${capture.uid}`;
  }
}

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new UsageError(`${option} takes a time as 2026-11-25T14:00:00Z, not ${text}.`);
  return at;
}
