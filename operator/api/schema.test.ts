import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kinds } from './kinds.ts';
import type { Field, Platform, Schema } from './schema.ts';
import { formatPath, type Path, validate } from './validate.ts';

const PLATFORMS: Platform[] = ['kubernetes', 'standalone'];

interface Visited {
  path: Path;
  schema: Schema;
  field?: Field;
  inList: boolean;
}

function* visit(schema: Schema, path: Path, inList = false, field?: Field): Generator<Visited> {
  yield { path, schema, inList, ...(field && { field }) };
  if (schema.type === 'list') yield* visit(schema.items, [...path, 'items'], true);
  if (schema.type !== 'object') return;
  for (const [name, inner] of Object.entries(schema.fields)) yield* visit(inner.schema, [...path, name], inList, inner);
}

const everything = kinds.flatMap((kind) => [
  ...visit(kind.spec, [kind.kind, 'spec']),
  ...visit(kind.status, [kind.kind, 'status']),
]);

test('every field is described, and every text, list and number is bounded', () => {
  for (const { path, schema } of everything) {
    assert.ok(schema.description.length > 3, `${formatPath(path)} is described`);
    if (schema.type === 'string' && schema.enum === undefined) assert.ok(schema.maxLength, formatPath(path));
    if (schema.type === 'string' && schema.pattern !== undefined)
      assert.ok(schema.expected || path[1] === 'status', formatPath(path));
    if (schema.type === 'list') assert.ok(schema.maxItems > 0, formatPath(path));
  }
});

test('no default stands inside a list, where tools would show a difference for ever', () => {
  for (const { path, field, inList } of everything) {
    if (inList) assert.equal(field?.default, undefined, formatPath(path));
  }
});

test('every default is valid', () => {
  for (const { path, field } of everything) {
    if (field?.default === undefined) continue;
    for (const platform of PLATFORMS) {
      if (field.only !== undefined && field.only !== platform) continue;
      assert.deepEqual(validate(field.schema, field.default, platform, path).problems, [], formatPath(path));
    }
  }
});

test('the keys of a list that merges by keys are required in its entries', () => {
  for (const { path, schema } of everything) {
    if (schema.type !== 'list' || typeof schema.merge !== 'object') continue;
    assert.equal(schema.items.type, 'object', formatPath(path));
    for (const key of schema.merge.keys) {
      assert.ok(schema.items.type === 'object' && schema.items.fields[key]?.required, `${formatPath(path)} ${key}`);
    }
  }
});

for (const { path, schema } of everything) {
  for (const rule of schema.rules ?? []) {
    test(`the rule of ${formatPath(path)} holds for good examples and not for bad ones: ${rule.message}`, () => {
      const platform = rule.only ?? 'kubernetes';
      const broken = (value: unknown) => validate(schema, value, platform).problems.map(({ message }) => message);
      assert.ok(rule.passes.length > 0 && rule.fails.length > 0, 'it has both');
      for (const value of rule.passes) assert.deepEqual(broken(value), [], JSON.stringify(value));
      for (const value of rule.fails) {
        assert.ok(
          broken(value).some((message) => message.includes(rule.message)),
          JSON.stringify(value),
        );
      }
    });
  }
  for (const rule of schema.transitions ?? []) {
    test(`the rule of a change of ${formatPath(path)} holds for good examples and not for bad ones`, () => {
      const filled = (value: unknown) => validate(schema, value, 'kubernetes').value;
      for (const [before, after] of rule.passes) assert.ok(rule.holds(filled(after), filled(before)));
      for (const [before, after] of rule.fails) assert.ok(!rule.holds(filled(after), filled(before)));
    });
  }
}
