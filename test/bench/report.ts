import type { ImapRun } from './imap-rounds.ts';
import type { SmtpRun } from './smtp-rounds.ts';
import { median, pairedRatio, type Ratio } from './statistics.ts';
import { csv, table } from './table.ts';

/** A ratio of two rates that were measured side by side, and how much it should be at least. */
export interface Comparison {
  what: string;
  ratio: Ratio;
  wanted?: number;
}

/** Kernel threads alone, which write to the disk, use less. */
const DISTURBING_CORES = 0.3;

/** One row for each run, for spreadsheets. */
export function runsAsCsv(smtp: readonly SmtpRun[], imap: readonly ImapRun[]): string {
  const head = [
    ...['kind', 'case', 'server_or_client', 'round', 'messages_per_second', 'p50_ms', 'p99_ms'],
    ...['generator_cores', 'server_microseconds_per_message', 'other_cores', 'wall_ms'],
  ];
  return csv([
    head,
    ...smtp.map(({ case: { name }, peer, round, result, serverMicroseconds, otherCores }) => [
      ...['smtp', name, peer, String(round + 1), result.perSecond.toFixed(1), result.p50.toFixed(3)],
      ...[result.p99.toFixed(3), result.cores.toFixed(3), serverMicroseconds?.toFixed(1) ?? ''],
      ...[otherCores?.toFixed(2) ?? '', ''],
    ]),
    ...imap.map(({ puller, round, perSecond, ms }) => [
      ...['imap', 'pull', puller, String(round + 1), perSecond.toFixed(1), '', '', '', '', '', ms.toFixed(1)],
    ]),
  ]);
}

/** Medians over the rounds of each server. */
export function smtpTable(runs: readonly SmtpRun[]): string {
  const rows = [['SMTP', 'server', 'msg/s', 'p50 ms', 'p99 ms', 'server CPU us/msg', 'generator cores', 'other cores']];
  for (const [name, ofCase] of groupBy(runs, (run) => run.case.name)) {
    for (const [peer, own] of groupBy(ofCase, (run) => run.peer)) {
      const middle = (of: (run: SmtpRun) => number | undefined): number =>
        median(own.map((run) => of(run) ?? Number.NaN));
      rows.push([
        name,
        peer,
        middle((run) => run.result.perSecond).toFixed(0),
        middle((run) => run.result.p50).toFixed(2),
        middle((run) => run.result.p99).toFixed(2),
        middle((run) => run.serverMicroseconds).toFixed(0),
        middle((run) => run.result.cores).toFixed(2),
        middle((run) => run.otherCores).toFixed(2),
      ]);
    }
  }
  return table(rows);
}

/** A warning where others used the machine meanwhile: ratios then say less, and rates nothing. */
export function disturbance(runs: readonly SmtpRun[]): string | undefined {
  const others = median(runs.map(({ otherCores }) => otherCores ?? 0));
  if (!(others > DISTURBING_CORES)) return undefined;
  return `Others used ${others.toFixed(1)} cores meanwhile (median): take these figures on an idle machine again.`;
}

export function imapTable(runs: readonly ImapRun[]): string {
  const rows = [['IMAP', 'msg/s', 'ms']];
  for (const [puller, own] of groupBy(runs, (run) => run.puller)) {
    rows.push([
      puller,
      median(own.map((run) => run.perSecond)).toFixed(0),
      median(own.map((run) => run.ms)).toFixed(0),
    ]);
  }
  return table(rows);
}

export function comparisonTable(comparisons: readonly Comparison[]): string {
  const rows = [['ratio', 'median', 'least', 'most', 'rounds', 'wanted', '']];
  for (const { what, ratio, wanted } of comparisons) {
    rows.push([
      what,
      ratio.median.toFixed(2),
      ratio.least.toFixed(2),
      ratio.most.toFixed(2),
      String(ratio.rounds),
      wanted === undefined ? '' : String(wanted),
      wanted === undefined ? '' : ratio.median >= wanted ? 'met' : 'NOT MET',
    ]);
  }
  return table(rows);
}

/** The ratio of two rates, paired round by round; undefined where one of the two was not measured. */
export function compare(
  what: string,
  ours: readonly { perSecond: number }[],
  theirs: readonly { perSecond: number }[],
  wanted?: number,
): Comparison | undefined {
  if (ours.length === 0 || theirs.length === 0) return undefined;
  const rates = (runs: readonly { perSecond: number }[]): number[] => runs.map(({ perSecond }) => perSecond);
  return { what, ratio: pairedRatio(rates(ours), rates(theirs)), ...(wanted !== undefined && { wanted }) };
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, key);
}
