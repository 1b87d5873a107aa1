import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { imapBench } from './imap-bench.ts';
import type { Measured } from './imap-rounds.ts';
import { compare, comparisonTable, disturbance, imapTable, runsAsCsv, smtpTable } from './report.ts';
import { type SmtpPlan, smtpBench } from './smtp-bench.ts';

// `make bench-quick`, and with more cases `make bench`: what Mailhold takes in beside peers, in the same run on the same machine. Rounds are interleaved,
// ratios are medians of the rounds' own ratios, and every acknowledged message is read back and compared.

const OUT = join(import.meta.dirname, '..', '..', 'build', 'bench');
const ROUNDS = 5;
const TEN_KB = '10 KB, 10 connections';
const PIPELINED = '10 KB, 10 connections, pipelined';
const LARGER = '75 KB, 10 connections';
const MEGABYTE = '1 MB, 10 connections';
const MANY = '10 KB, 50 connections';

const quick = process.argv[2] === 'quick';
const csv = join(OUT, quick ? 'quick.csv' : 'all.csv');

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const began = performance.now();

const times = { warmupMs: 200, measureMs: 1_200 };
const larger: SmtpPlan[] = [
  {
    case: { name: MEGABYTE, messageBytes: 1_000_000, connections: 10, pipelining: false, ...times },
    rounds: ROUNDS,
    warmUpMs: 1_000,
    peers: ['mailhold', 'postfix'],
  },
  {
    case: { name: MANY, messageBytes: 10 * 1024, connections: 50, pipelining: false, ...times },
    rounds: ROUNDS,
    warmUpMs: 1_000,
    peers: ['mailhold', 'postfix', 'smtp-server'],
  },
];
const smtp = await smtpBench(
  [
    {
      case: { name: TEN_KB, messageBytes: 10 * 1024, connections: 10, pipelining: false, ...times },
      rounds: ROUNDS,
      warmUpMs: 4_000,
      peers: ['mailhold', 'postfix', 'smtp-server', 'discard'],
    },
    {
      case: { name: PIPELINED, messageBytes: 10 * 1024, connections: 10, pipelining: true, ...times },
      rounds: ROUNDS,
      warmUpMs: 500,
      peers: ['mailhold', 'postfix'],
    },
    {
      case: { name: LARGER, messageBytes: 75 * 1024, connections: 10, pipelining: false, ...times },
      rounds: ROUNDS,
      warmUpMs: 1_000,
      peers: ['mailhold', 'postfix'],
    },
    ...(quick ? [] : larger),
  ],
  say,
);
const imap = await imapBench(
  {
    messages: 2_000,
    messageBytes: 15 * 1024,
    rounds: ROUNDS,
    pullers: ['mailhold', 'mbsync-fsync', 'mailhold-whole'],
  },
  say,
);

const smtpRates = (name: string, peer: string): { perSecond: number }[] =>
  smtp.filter((run) => run.case.name === name && run.peer === peer).map(({ result }) => result);
const imapRates = (puller: Measured): { perSecond: number }[] => imap.filter((run) => run.puller === puller);

const comparisons = [
  compare(`SMTP ${TEN_KB}: mailhold / postfix`, smtpRates(TEN_KB, 'mailhold'), smtpRates(TEN_KB, 'postfix'), 4),
  compare(`SMTP ${TEN_KB}: mailhold / smtp-server`, smtpRates(TEN_KB, 'mailhold'), smtpRates(TEN_KB, 'smtp-server')),
  compare(`SMTP ${TEN_KB}: discard / mailhold`, smtpRates(TEN_KB, 'discard'), smtpRates(TEN_KB, 'mailhold')),
  compare(`SMTP ${PIPELINED}: mailhold / postfix`, smtpRates(PIPELINED, 'mailhold'), smtpRates(PIPELINED, 'postfix')),
  compare(`SMTP ${LARGER}: mailhold / postfix`, smtpRates(LARGER, 'mailhold'), smtpRates(LARGER, 'postfix')),
  compare(`SMTP ${MEGABYTE}: mailhold / postfix`, smtpRates(MEGABYTE, 'mailhold'), smtpRates(MEGABYTE, 'postfix')),
  compare(`SMTP ${MANY}: mailhold / postfix`, smtpRates(MANY, 'mailhold'), smtpRates(MANY, 'postfix')),
  compare(`SMTP ${MANY}: mailhold / smtp-server`, smtpRates(MANY, 'mailhold'), smtpRates(MANY, 'smtp-server')),
  compare('IMAP behind SELECT: mailhold / mbsync with FSync', imapRates('mailhold-pull'), imapRates('mbsync-fsync'), 3),
  compare('IMAP with login: mailhold / mbsync with FSync', imapRates('mailhold'), imapRates('mbsync-fsync')),
  compare(
    'IMAP with login and start of the process: mailhold / mbsync with FSync',
    imapRates('mailhold-whole'),
    imapRates('mbsync-fsync'),
  ),
].filter((one) => one !== undefined);

await mkdir(OUT, { recursive: true });
await writeFile(csv, runsAsCsv(smtp, imap));
say(`
SMTP over TLS 1.3 with STARTTLS; rates are acknowledged messages, latency is from writing a message to its 250.
"discard" stores nothing: it shows what the generator and loopback can do.
mbsync is timed as a whole: start, login and pull.

${smtpTable(smtp)}

${imapTable(imap)}

${comparisonTable(comparisons)}
${disturbance(smtp) ?? ''}
${Math.round((performance.now() - began) / 1000)} s in all; every run is in ${relative(process.cwd(), csv)}`);
