import type { ArchiveConnection } from '../operator/api/archive-connection.ts';
import type { StandaloneStatus } from '../operator/runtime/standalone/status-page.ts';
import { age, type Cell, cut, type Paint, printable, renderTable, unpainted, widthOf } from './table.ts';

const ENDPOINT = 'ENDPOINT';
const HEADER = ['NAMESPACE', 'NAME', 'METHOD', 'READY', 'TESTED', 'ARCHIVING', 'BACKLOG', ENDPOINT, 'AGE'];

interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
}

export interface LightsOptions {
  paint: Paint;
  /** Width of the terminal; undefined: as wide as it takes. */
  columns: number | undefined;
  /** ms since 1970. */
  now: number;
}

/**
 * The table of all connections with their lights, beneath it the words of every light that is not green, and of what is
 * wrong beside the connections: manifests, gateways, archives, workers.
 *
 * Endpoints are there to be copied: where the terminal has no room for whole ones, they stand beneath the table.
 */
export function renderLights(status: StandaloneStatus, { paint, columns, now }: LightsOptions): string[] {
  const connections = status.connections.toSorted((a, b) => order(a, b));
  if (connections.length === 0 && status.problems.length === 0) {
    return ['No ArchiveConnection yet: put a manifest into the folder.'];
  }
  const room = columns ?? Number.POSITIVE_INFINITY;
  const table = tableOf(connections, { paint, columns, now });
  const words = [...connectionWords(connections, paint), ...surroundingWords(status, paint)];
  return words.length === 0 ? table : [...table, '', ...words.flatMap((text) => wrap(text, room))];
}

function tableOf(connections: readonly ArchiveConnection[], { paint, columns, now }: LightsOptions): string[] {
  if (connections.length === 0) return [];
  const rows = connections.map((connection) => rowOf(connection, paint, now));
  const bold = ([head = '', ...rest]: string[]): string[] => [paint(head, 'bold'), ...rest];
  const whole = renderTable(HEADER, rows);
  if (columns === undefined || whole.every((line) => widthOf(line) <= columns)) return bold(whole);
  const narrow = rows.map((row) => row.filter((_, column) => HEADER[column] !== ENDPOINT));
  const endpoints = connections
    .filter(({ status }) => status?.endpoint !== undefined)
    .map(({ metadata: { namespace, name }, status }) => [`${namespace}/${name}`, status?.endpoint ?? '']);
  return [
    ...bold(
      renderTable(
        HEADER.filter((name) => name !== ENDPOINT),
        narrow,
        columns,
      ),
    ),
    '',
    ...bold(
      renderTable(
        ['CONNECTION', ENDPOINT],
        endpoints.map((row) => row.map((text) => ({ text }))),
        columns,
      ),
    ),
  ];
}

/** By namespace, then by name, as kubectl lists them. */
function order({ metadata: a }: ArchiveConnection, { metadata: b }: ArchiveConnection): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

/** True where every connection is Ready and nothing else is wrong. */
export function allGreen(status: StandaloneStatus): boolean {
  return (
    status.problems.length === 0 &&
    [...status.connections, ...status.gateways, ...status.archives].every(
      (it) => condition(it, 'Ready')?.status === 'True',
    )
  );
}

export function condition(
  object: { status?: { conditions?: readonly Condition[] } | undefined },
  type: string,
): Condition | undefined {
  return object.status?.conditions?.find((it) => it.type === type);
}

function rowOf(connection: ArchiveConnection, paint: Paint, now: number): Cell[] {
  const { metadata, spec, status } = connection;
  const light = (type: string): Cell => {
    const value = condition(connection, type)?.status ?? 'Unknown';
    return { text: paint === unpainted ? value : `● ${value}`, paint: (text) => paint(text, colourOf(value)) };
  };
  return [
    { text: metadata.namespace },
    { text: metadata.name },
    { text: spec.method },
    light('Ready'),
    light('Tested'),
    light('Archiving'),
    { text: status?.backlog ?? '-' },
    { text: status?.endpoint ?? '-' },
    { text: age(now - Date.parse(metadata.creationTimestamp)) },
  ];
}

function colourOf(value: Condition['status']): 'green' | 'red' | 'yellow' {
  switch (value) {
    case 'True':
      return 'green';
    case 'False':
      return 'red';
    case 'Unknown':
      return 'yellow';
  }
}

/** The light before its words; without colours by its shape. */
function mark(paint: Paint, colour: 'green' | 'red' | 'yellow'): string {
  if (paint !== unpainted) return paint('●', colour);
  return { green: '✓', red: '✗', yellow: '…' }[colour];
}

function connectionWords(connections: readonly ArchiveConnection[], paint: Paint): string[] {
  return connections.flatMap((connection) => {
    const ready = condition(connection, 'Ready');
    const quiet =
      ready === undefined || (ready.status === 'True' && condition(connection, 'Archiving')?.status !== 'Unknown');
    if (quiet) return [];
    const { namespace, name } = connection.metadata;
    return [`${mark(paint, colourOf(ready.status))} ${namespace}/${name} ${ready.reason}: ${printable(ready.message)}`];
  });
}

function surroundingWords(status: StandaloneStatus, paint: Paint): string[] {
  const objects = [
    ...status.gateways.map((it) => ({ it, what: 'MailGateway' })),
    ...status.archives.map((it) => ({ it, what: 'MailArchive' })),
  ].flatMap(({ it, what }) => {
    const ready = condition(it, 'Ready');
    if (ready === undefined || ready.status === 'True') return [];
    const { namespace, name } = it.metadata;
    return [
      `${mark(paint, colourOf(ready.status))} ${what} ${namespace}/${name} ${ready.reason}: ${printable(ready.message)}`,
    ];
  });
  const workers = status.workers
    .filter((worker) => worker.state !== 'running')
    .map(
      ({ role, gateway, state, restarts }) =>
        `${mark(paint, 'yellow')} ${role} of ${gateway} is ${state}, ${restarts} restarts`,
    );
  const problems = status.problems.map(
    ({ file, line, column, message }) => `${mark(paint, 'red')} ${file}:${line}:${column}: ${printable(message)}`,
  );
  return [...objects, ...workers, ...problems];
}

/** Lines of at most so many characters, broken between words, the later ones indented. Painted marks count as written. */
function wrap(text: string, columns: number): string[] {
  if (!Number.isFinite(columns) || text.length <= columns) return [text];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = '   ';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].map((it) => cut(it, Math.max(columns, 20)));
}
