import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT } from '../../operator/api/generated-files.ts';
import { kinds } from '../../operator/api/kinds.ts';
import type { Rule, Schema } from '../../operator/api/schema.ts';
import { requirements, startCluster } from './cluster.ts';

const skip = (await requirements({ node: false })) ?? false;

type Plain = { [name: string]: unknown };

/** Specs that are valid as they are, by the block that they have; what is under test replaces a part of one. */
const SPECS: Readonly<Record<string, Plain>> = {
  'ArchiveConnection smtp': { method: 'SMTP', smtp: {} },
  'ArchiveConnection imap': {
    method: 'IMAP',
    imap: { host: 'imap.example.com', user: 'mail', passwordRef: { name: 'mail' } },
  },
  MailGateway: { hostName: 'mx.example.com', journalDomain: 'in.example.com', archiveRef: { name: 'mail' } },
  MailArchive: { volume: { size: '10Gi' } },
};

/** A value in its place, and the rule that is to judge it. */
interface Example {
  manifest: { kind: string; metadata: { name: string } } & Plain;
  message: string;
  passes: boolean;
}

/** Puts a value into a copy of an object; `[]` in the path stands for a list with the rest as its only item. */
function put(object: unknown, [first, ...rest]: readonly string[], value: unknown): unknown {
  if (first === undefined) return value;
  if (first === '[]') return [put(undefined, rest, value)];
  const known: Plain = typeof object === 'object' && object !== null ? { ...object } : {};
  return { ...known, [first]: put(known[first], rest, value) };
}

function* rulesOf(schema: Schema, path: readonly string[]): Generator<[readonly string[], Rule]> {
  // What a rule says of its value, it says of any: the examples are written for it.
  for (const rule of (schema.rules ?? []) as readonly Rule[]) if (rule.only !== 'standalone') yield [path, rule];
  if (schema.type === 'list') yield* rulesOf(schema.items, [...path, '[]']);
  if (schema.type === 'map') yield* rulesOf(schema.values, [...path, 'example.com/name']);
  if (schema.type !== 'object') return;
  for (const [name, field] of Object.entries(schema.fields)) {
    if (field.only !== 'standalone') yield* rulesOf(field.schema, [...path, name]);
  }
}

function examples(): Example[] {
  const all: Example[] = [];
  for (const { kind, spec, rules } of kinds) {
    const base = (path: readonly string[]) => SPECS[kind] ?? SPECS[`${kind} ${path[0]}`] ?? {};
    const add = (message: string, passes: boolean, whole: unknown, name = `example-${all.length}`) => {
      const manifest = {
        apiVersion: 'mailhold.dev/v1alpha1',
        kind,
        metadata: { name, namespace: 'default' },
        spec: whole,
      };
      all.push({ manifest, message, passes });
    };
    for (const [path, { passes, fails, message }] of rulesOf(spec, [])) {
      for (const value of passes) add(message, true, put(base(path), path, value));
      for (const value of fails) add(message, false, put(base(path), path, value));
    }
    for (const { passes, fails, message } of rules ?? []) {
      const named = (value: unknown) => (value as { metadata: { name: string } }).metadata.name;
      for (const value of passes) add(message, true, base([]), named(value));
      for (const value of fails) add(message, false, base([]), named(value));
    }
  }
  return all;
}

/** What kubectl says of each object that was refused, by kind and name. */
function refusals(text: string): Map<string, string> {
  const parts = text.split(/(\w+)\.mailhold\.dev "([^"]+)" is invalid:/);
  const said = new Map<string, string>();
  for (let index = 1; index + 2 < parts.length; index += 3) {
    said.set(`${parts[index]} ${parts[index + 1]}`, parts[index + 2] ?? '');
  }
  return said;
}

test('an API server takes the definitions, and judges the examples of every rule as we do', { skip }, async () => {
  await using cluster = await startCluster({ node: false });
  for (const { plural } of kinds) {
    const input = await readFile(join(ROOT, 'crds', `mailhold.dev_${plural}.yaml`), 'utf8');
    const applied = await cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], { input });
    assert.equal(applied.code, 0, applied.stderr);
  }
  const names = kinds.map(({ plural }) => `crd/${plural}.mailhold.dev`);
  const waited = await cluster.kubectl(['wait', '--for=condition=Established', ...names]);
  assert.equal(waited.code, 0, waited.stderr);

  const all = examples();
  assert.ok(all.length > 50);
  const input = all.map(({ manifest }) => JSON.stringify(manifest)).join('\n---\n');
  const { stdout, stderr } = await cluster.kubectl(['create', '--dry-run=server', '-f', '-'], { input });
  const refused = refusals(stderr);
  assert.ok(stdout.includes('created'), stderr);
  const problems = all.flatMap(({ manifest, message, passes }) => {
    const said = refused.get(`${manifest.kind} ${manifest.metadata.name}`);
    const right = passes ? said === undefined : said?.includes(message);
    return right === true ? [] : [`${JSON.stringify(manifest)} (${message}): ${said ?? 'taken'}`];
  });
  assert.deepEqual(problems, []);
});
