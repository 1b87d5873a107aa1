import assert from 'node:assert/strict';
import { test } from 'node:test';
import { map, string } from './schema.ts';
import { validate } from './validate.ts';

const labels = map(string({ description: 'A value.', pattern: '^[a-z]*$', expected: 'small letters', maxLength: 8 }), {
  description: 'Labels.',
  maxProperties: 2,
});
const problems = (value: unknown) => validate(labels, value, 'kubernetes', ['labels']).problems.map((it) => it.message);

test('a map takes any names, and each of its texts is checked', () => {
  assert.deepEqual(problems({}), []);
  assert.deepEqual(problems({ 'example.com/a': 'x', b: '' }), []);
  assert.deepEqual(problems({ a: 'X' }), ['labels.a must be small letters, not "X".']);
  assert.match(problems({ a: 1 })[0] ?? '', /^labels\.a must be text, not 1; put it in quotes/);
});

test('a map is bounded, and no list', () => {
  assert.deepEqual(problems({ a: '', b: '', c: '' }), ['labels must have at most 2 entries, and this has 3.']);
  assert.deepEqual(problems(['a']), ['labels must be a block of names and texts, not a list.']);
});
