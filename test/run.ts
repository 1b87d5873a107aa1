/**
 * Runs everything that exists and closes with one line of sums. `node test/run.ts unit` leaves out what spans parts.
 *
 * A failing test is shown with its error at once; a test that could not run is named with its reason at the end.
 */
import { spawnSync } from 'node:child_process';
import { glob } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { inspect } from 'node:util';
import { clusterForAll } from './cluster/for-all.ts';

interface Sums {
  passed: number;
  failed: number;
  skipped: number;
}

const root = join(import.meta.dirname, '..');
const onlyUnits = process.argv[2] === 'unit';
const sums: Sums = { passed: 0, failed: 0, skipped: 0 };
const reasons = new Map<string, number>();

const commands: [what: string, command: string, ...args: string[]][] = [
  ['formatting and lint', 'biome', 'check', '--error-on-warnings'],
  ['types', 'tsc'],
  ['crds are as generated', process.execPath, 'operator/api/generate-crds.ts', '--check'],
  ['docs/reasons.md is as generated', process.execPath, 'operator/api/generate-reasons.ts', '--check'],
];
/** A file that has not ended by then failed: something that it opened keeps its process alive. */
const FILE_DEADLINE_MS = 300_000;
const suites: [what: string, concurrency: number, ...patterns: string[]][] = [
  [
    'unit tests',
    2,
    'operator/**/*.test.ts',
    'workers/**/*.test.ts',
    'cli/**/*.test.ts',
    'test/*.test.ts',
    'test/peers/**/*.test.ts',
    'test/demo/**/*.test.ts',
    'test/bench/**/*.test.ts',
  ],
  // One at a time: they start whole workers, and some measure memory.
  ['scenarios', 1, 'test/scenarios/**/*.test.ts'],
];
/** Run against one cluster, which is started for all of them. */
const onCluster: [what: string, concurrency: number, ...patterns: string[]] = [
  'Kubernetes',
  1,
  'test/cluster/**/*.test.ts',
];

for (const [what, command, ...args] of commands) timed(what, () => runCommand(command, args));
for (const [what, concurrency, ...patterns] of onlyUnits ? suites.slice(0, 1) : suites) {
  await timed(what, () => runSuite(patterns, concurrency));
}
if (!onlyUnits) await runOnCluster();
for (const [reason, count] of reasons) console.log(`${count} left out: ${reason}`);
console.log(`${sums.passed} passed, ${sums.failed} failed, ${sums.skipped} skipped`);
process.exitCode = sums.failed === 0 && sums.passed > 0 ? 0 : 1;

function timed<T extends Promise<Sums> | Sums>(what: string, work: () => T): T {
  const began = performance.now();
  const tell = ({ passed, failed, skipped }: Sums): void => {
    sums.passed += passed;
    sums.failed += failed;
    sums.skipped += skipped;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const rest = skipped > 0 ? `, ${skipped} left out` : '';
    console.log(`${failed === 0 ? '✔' : '✖'} ${what}: ${passed} passed, ${failed} failed${rest} (${seconds} s)`);
  };
  const result = work();
  if (result instanceof Promise) void result.then(tell);
  else tell(result);
  return result;
}

async function runOnCluster(): Promise<void> {
  let cluster: AsyncDisposable | undefined;
  // A part of its own: at first it takes minutes to build one.
  await timed('a cluster for tests', async () => {
    try {
      cluster = await clusterForAll();
      return { passed: cluster === undefined ? 0 : 1, failed: 0, skipped: 0 };
    } catch (error) {
      console.log(indent(inspect(error)));
      return { passed: 0, failed: 1, skipped: 0 };
    }
  });
  const [what, concurrency, ...patterns] = onCluster;
  await timed(what, () => runSuite(patterns, concurrency));
  await cluster?.[Symbol.asyncDispose]();
}

function runCommand(command: string, args: string[]): Sums {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8' });
  if (status === 0) return { passed: 1, failed: 0, skipped: 0 };
  console.log(`${stdout ?? ''}${stderr ?? ''}`);
  return { passed: 0, failed: 1, skipped: 0 };
}

async function runSuite(patterns: string[], concurrency: number): Promise<Sums> {
  const files: string[] = [];
  for await (const file of glob(patterns, { cwd: root })) files.push(join(root, file));
  const counts: Sums = { passed: 0, failed: 0, skipped: 0 };
  const waiting = files.sort().values();
  // One run per file, and not one for all: a run that is ended at its deadline then takes no other file with it.
  const next = async (): Promise<void> => {
    for (const file of waiting) await runFile(file, counts);
  };
  await Promise.all(Array.from({ length: concurrency }, next));
  return counts;
}

async function runFile(file: string, counts: Sums): Promise<void> {
  const stream = run({ files: [file], cwd: root, signal: AbortSignal.timeout(FILE_DEADLINE_MS) });
  for await (const { type, data } of stream) {
    if (type === 'test:stderr' || type === 'test:stdout') {
      if (process.env.MAILHOLD_TEST_OUTPUT) process.stdout.write(data.message);
      continue;
    }
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details.type === 'suite') continue;
    if (type === 'test:fail') {
      counts.failed += 1;
      const { error } = data.details;
      const why = ended(error) ? `did not end within ${FILE_DEADLINE_MS / 1000} s` : inspect(error.cause ?? error);
      console.log(`✖ ${data.name} (${relative(root, file)})\n${indent(why)}`);
    } else if (data.skip !== undefined && data.skip !== false) {
      counts.skipped += 1;
      const reason = typeof data.skip === 'string' ? data.skip : 'no reason given';
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    } else counts.passed += 1;
  }
}

/** True where the runner ended the file at its deadline. */
function ended(error: Error): boolean {
  return 'failureType' in error && error.failureType === 'testAborted';
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
