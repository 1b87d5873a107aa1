import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCHEMA_REVISION_ANNOTATION, schemaRevision } from '../../api/emit-crd.ts';
import { kinds } from '../../api/kinds.ts';
import type { KubeObject } from '../../kube/types.ts';
import { definitionFaults } from './installed-definitions.ts';

function definition(name: string, annotations: Record<string, string>): KubeObject {
  return { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name, annotations } };
}

const INSTALLED = kinds.map((kind) =>
  definition(`${kind.plural}.mailhold.dev`, { [SCHEMA_REVISION_ANNOTATION]: schemaRevision(kind) }),
);

test('definitions of this version are no fault, and neither are those of others', () => {
  assert.deepEqual(definitionFaults([...INSTALLED, definition('widgets.example.com', {})]), []);
});

test('each that is missing or of another version is named, with what to do', () => {
  const [first, ...others] = INSTALLED;
  assert.ok(first);
  const { name } = first.metadata;
  const cases: [KubeObject[], RegExp][] = [
    [[], /is not installed\. Apply those of this version: helm show crds/],
    [
      [definition(name, { [SCHEMA_REVISION_ANNOTATION]: 'older' })],
      /is of another version \(schema older, this operator needs /,
    ],
    [[definition(name, {})], /is of another version \(schema unknown, /],
  ];
  for (const [instead, words] of cases) {
    const faults = definitionFaults([...others, ...instead]);
    assert.equal(faults.length, 1);
    assert.ok(faults[0]?.includes(name));
    assert.match(faults[0] ?? '', words);
  }
  assert.equal(definitionFaults([]).length, kinds.length);
});
