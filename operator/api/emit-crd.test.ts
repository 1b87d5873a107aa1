import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { crdOf, emitCRD, schemaRevision } from './emit-crd.ts';
import { crdFiles } from './generate-crds.ts';
import { reasonFiles } from './generate-reasons.ts';
import { bringUpToDate } from './generated-files.ts';
import { kinds } from './kinds.ts';
import { mailArchive } from './mail-archive.ts';
import { mailGateway } from './mail-gateway.ts';
import { isRecord } from './validate.ts';

test('crds/ and docs/reasons.md are those of the sources', async () => {
  assert.deepEqual(await bringUpToDate(new Map([...crdFiles(), ...reasonFiles()]), true), []);
});

test('a stale file is found', async () => {
  const changed = new Map([...crdFiles()].map(([path, text]) => [path, `${text}# changed\n`]));
  assert.equal((await bringUpToDate(changed, true)).length, changed.size);
});

for (const kind of kinds) {
  test(`the schema of ${kind.kind} is structural: typed throughout, without unions, closed and bounded`, () => {
    const problems: string[] = [];
    const crd: unknown = parse(emitCRD(kind));
    assert.deepEqual(crd, crdOf(kind), 'the YAML says the same');
    walk(at(crd, 'spec', 'versions', 0, 'schema', 'openAPIV3Schema'), 'root', problems);
    assert.deepEqual(problems, []);
  });

  test(`${kind.kind} has a status, a short name, a category, columns, and is unseen at first`, () => {
    const crd = crdOf(kind);
    assert.deepEqual(at(crd, 'spec', 'names', 'categories'), ['mailhold']);
    assert.deepEqual(at(crd, 'spec', 'names', 'shortNames'), [kind.shortName]);
    assert.deepEqual(at(crd, 'spec', 'versions', 0, 'subresources'), { status: {} });
    const status = at(crd, 'spec', 'versions', 0, 'schema', 'openAPIV3Schema', 'properties', 'status');
    assert.deepEqual(at(status, 'default'), { observedGeneration: -1 });
    assert.equal(at(status, 'properties', 'conditions', 'x-kubernetes-list-type'), 'map');
    assert.deepEqual(at(status, 'properties', 'conditions', 'x-kubernetes-list-map-keys'), ['type']);
  });

  test(`${kind.kind} has no field that exists only without Kubernetes`, () => {
    const text = emitCRD(kind);
    for (const field of ['certificateFile', 'keyFile', 'env:', 'listen:']) assert.ok(!text.includes(field), field);
  });
}

test('a definition says which sources it is of, so that an older one in a cluster is found', () => {
  const revisions = kinds.map((kind) => {
    const metadata = at(crdOf(kind), 'metadata');
    assert.deepEqual(at(metadata, 'labels'), { 'app.kubernetes.io/name': 'mailhold' });
    assert.equal(at(metadata, 'annotations', 'mailhold.dev/schema-revision'), schemaRevision(kind));
    return schemaRevision(kind);
  });
  assert.equal(new Set(revisions).size, kinds.length);
  for (const revision of revisions) assert.match(revision, /^[0-9a-f]{16}$/);
  const [kind] = kinds;
  assert.notEqual(schemaRevision({ ...kind, description: 'Another.' }), schemaRevision(kind));
});

test('a gateway and an archive have names that the names of their objects can begin with', () => {
  for (const kind of [mailGateway, mailArchive]) {
    const rules = at(crdOf(kind), 'spec', 'versions', 0, 'schema', 'openAPIV3Schema', 'x-kubernetes-validations');
    assert.match(JSON.stringify(rules), /self\.metadata\.name\.matches/, kind.kind);
  }
});

test('ArchiveConnection has the columns that users are promised', () => {
  const columns = at(crdOf(kinds[0]), 'spec', 'versions', 0, 'additionalPrinterColumns');
  assert.ok(Array.isArray(columns));
  assert.deepEqual(
    columns.filter((column) => at(column, 'priority') === undefined).map((column) => at(column, 'name')),
    ['METHOD', 'READY', 'TESTED', 'ARCHIVING', 'BACKLOG', 'ENDPOINT', 'AGE'],
  );
});

function at(value: unknown, ...path: (string | number)[]): unknown {
  return path.reduce<unknown>((inner, part) => {
    if (Array.isArray(inner)) return inner[Number(part)];
    return isRecord(inner) ? inner[part] : undefined;
  }, value);
}

/** What the API server refuses in a structural schema, and what would make a rule's cost unbounded. */
function walk(schema: unknown, where: string, problems: string[]): void {
  assert.ok(isRecord(schema), where);
  const { type, properties, additionalProperties, items } = schema;
  if (typeof type !== 'string') problems.push(`${where} has no type`);
  for (const union of ['oneOf', 'anyOf', 'allOf', 'not', '$ref', 'nullable']) {
    if (Object.hasOwn(schema, union)) problems.push(`${where} has ${union}`);
  }
  if (additionalProperties !== undefined) {
    // Either names that are known or any names with one schema; the API server refuses both at once, and `true`.
    if (properties !== undefined) problems.push(`${where} has properties and additionalProperties`);
    if (schema.maxProperties === undefined) problems.push(`${where} is unbounded`);
    walk(additionalProperties, `${where}.*`, problems);
  }
  if (type === 'array' && schema.maxItems === undefined) problems.push(`${where} is unbounded`);
  const isNamed = where === 'root.apiVersion' || where === 'root.kind';
  if (type === 'string' && schema.enum === undefined && schema.maxLength === undefined && !isNamed) {
    problems.push(`${where} is unbounded`);
  }
  if (where !== 'root.metadata' && typeof schema.description !== 'string') problems.push(`${where} is not described`);
  if (type === 'array') walk(items, `${where}[]`, problems);
  for (const [name, inner] of Object.entries(isRecord(properties) ? properties : {})) {
    walk(inner, `${where}.${name}`, problems);
  }
}
