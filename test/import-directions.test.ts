import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

const ROOT = join(import.meta.dirname, '..');

/** An import, as far as its direction goes. */
interface Import {
  from: string;
  to: string;
  typeOnly: boolean;
}

/**
 * Where files of a folder may import from, besides their own folder, and where of that they may not; the last matching
 * folder counts.
 */
const DIRECTIONS: readonly { folder: string; may: readonly string[]; not?: readonly string[] }[] = [
  { folder: 'operator/main.ts', may: ['operator/runtime', 'operator/kube'] },
  { folder: 'operator/api', may: [] },
  { folder: 'operator/kube', may: [] },
  { folder: 'operator/plan', may: ['operator/api'] },
  // What both runtimes share knows neither; the two know nothing of each other, and standalone no word of Kubernetes.
  {
    folder: 'operator/runtime',
    may: ['operator/plan', 'operator/api', 'operator/kube'],
    not: ['operator/runtime/standalone', 'operator/runtime/kubernetes'],
  },
  {
    folder: 'operator/runtime/standalone',
    may: ['operator/plan', 'operator/api', 'operator/runtime'],
    not: ['operator/runtime/kubernetes'],
  },
  {
    folder: 'operator/runtime/kubernetes',
    may: ['operator/plan', 'operator/api', 'operator/kube', 'operator/runtime'],
    not: ['operator/runtime/standalone'],
  },
  { folder: 'workers/archive', may: ['workers/process'] },
  { folder: 'workers/message', may: ['workers/process'] },
  { folder: 'workers/process', may: ['workers/archive/log.ts'] },
  { folder: 'workers/receiver', may: ['workers/archive', 'workers/message', 'workers/process'] },
  { folder: 'workers/poller', may: ['workers/archive', 'workers/message', 'workers/process'] },
  { folder: 'workers/keeper', may: ['workers/archive', 'workers/message', 'workers/process'] },
  {
    folder: 'cli',
    // The kinds themselves too: `validate` reads manifests and `status` shows objects with nothing running.
    may: ['operator/runtime/standalone', 'operator/api', 'workers/archive', 'workers/message', 'workers/process'],
  },
];

/** The one file of the workers that the operator knows, and only its types. */
const CONTRACT = 'workers/process/contract.ts';

test('imports point one way', async () => {
  const found = (await Promise.all(['operator', 'workers', 'cli'].map(sources))).flat();
  assert.ok(found.length > 20, 'the sources were found');
  const imports = (await Promise.all(found.map(importsOf))).flat();
  const wrong = imports.filter((it) => !isAllowed(it)).map(({ from, to }) => `${from} imports ${to}`);
  assert.deepEqual(wrong, []);
});

test('the check of directions finds a wrong one', () => {
  const cases: [string, string, boolean, boolean][] = [
    ['operator/plan/a.ts', 'operator/api/b.ts', false, true],
    ['operator/api/a.ts', 'operator/plan/b.ts', false, false],
    ['operator/kube/a.ts', 'operator/api/b.ts', true, false],
    ['operator/plan/a.ts', CONTRACT, true, true],
    ['operator/plan/a.ts', CONTRACT, false, false],
    ['operator/runtime/a.ts', 'workers/process/clock.ts', true, false],
    ['operator/runtime/standalone.ts', 'operator/runtime/standalone/a.ts', false, true],
    ['operator/runtime/standalone/a.ts', 'operator/runtime/workers/b.ts', false, true],
    ['operator/runtime/standalone/a.ts', 'operator/runtime/kubernetes/b.ts', false, false],
    ['operator/runtime/standalone/a.ts', 'operator/kube/b.ts', false, false],
    ['operator/runtime/kubernetes/a.ts', 'operator/runtime/standalone/b.ts', false, false],
    ['operator/runtime/workers/a.ts', 'operator/runtime/standalone/b.ts', false, false],
    ['operator/runtime/rounds.ts', 'operator/runtime/kubernetes/b.ts', false, false],
    ['workers/receiver/a.ts', 'workers/archive/log.ts', false, true],
    ['workers/receiver/a.ts', 'workers/poller/b.ts', false, false],
    ['workers/receiver/a.ts', 'operator/api/b.ts', true, false],
    ['cli/run.ts', 'operator/runtime/standalone.ts', false, true],
    ['cli/run.ts', 'operator/runtime/kubernetes.ts', false, false],
    ['cli/run.ts', 'operator/plan/plan.ts', false, false],
    ['operator/api/a.ts', 'test/kstatus.ts', false, false],
    ['operator/api/a.test.ts', 'test/kstatus.ts', false, true],
  ];
  for (const [from, to, typeOnly, allowed] of cases) {
    assert.equal(isAllowed({ from, to, typeOnly }), allowed, `${from} imports ${to}`);
  }
});

function isAllowed({ from, to, typeOnly }: Import): boolean {
  // A test beside the code may use real parts of test/, and what its subject's callers use.
  const isTest = from.endsWith('.test.ts');
  if (isTest && to.startsWith('test/')) return true;
  if (from.startsWith('operator/') && to === CONTRACT) return typeOnly || isTest;
  const rule = DIRECTIONS.filter(({ folder }) => isUnder(from, folder)).at(-1);
  if (rule === undefined) return false;
  if (rule.not?.some((folder) => isUnder(to, folder))) return false;
  return isUnder(to, rule.folder) || rule.may.some((folder) => isUnder(to, folder));
}

/** `operator/runtime/standalone` covers standalone.ts and the folder standalone/. */
function isUnder(path: string, folder: string): boolean {
  return path === folder || path === `${folder}.ts` || path.startsWith(`${folder}/`);
}

async function sources(folder: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

async function importsOf(from: string): Promise<Import[]> {
  const text = await readFile(join(ROOT, from), 'utf8');
  const statements = text.matchAll(/^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'(\.[^']+)';/gm);
  const calls = text.matchAll(/\bimport\('(\.[^']+)'\)(?=(\.[A-Z]))?/g);
  return [
    ...[...statements].map(([, type, path]) => ({ path: path ?? '', typeOnly: type !== undefined })),
    ...[...calls].map(([, path, type]) => ({ path: path ?? '', typeOnly: type !== undefined })),
  ].map(({ path, typeOnly }) => ({ from, to: relative(ROOT, join(ROOT, dirname(from), path)), typeOnly }));
}
