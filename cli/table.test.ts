import assert from 'node:assert/strict';
import { test } from 'node:test';
import { age, cut, paintFor, printable, renderTable } from './table.ts';
import { capturedIo } from './testing/captured-io.ts';

const rows = [
  ['contoso', 'journal'],
  ['a', 'grüße-😀'],
].map((row) => row.map((text) => ({ text })));

test('columns stand under their heads, three spaces apart, without spaces at the end', () => {
  assert.deepEqual(renderTable(['NAMESPACE', 'NAME'], rows), [
    'NAMESPACE   NAME',
    'contoso     journal',
    'a           grüße-😀',
  ]);
});

test('a narrow terminal cuts what does not fit, and says so', () => {
  assert.deepEqual(renderTable(['NAMESPACE', 'NAME'], rows, 16), [
    'NAMESPACE   NAME',
    'contoso     jou…',
    'a           grü…',
  ]);
});

test('a cell is painted after it has its width', () => {
  const painted = [[{ text: 'x', paint: (text: string) => `<${text}>` }, { text: 'y' }]];
  assert.deepEqual(renderTable(['AB', 'C'], painted), ['AB   C', '<x>    y']);
});

test('what a stranger wrote is one line and steers no terminal', () => {
  assert.equal(printable('a\u001b[31mred\r\nnext\u0007\u202eb'), 'a [31mred next b');
  assert.deepEqual(renderTable(['A'], [[{ text: 'x\u001b[2J\ny' }]])[1], 'x [2J y');
});

const cuts: [text: string, characters: number, expected: string][] = [
  ['abc', 3, 'abc'],
  ['abcd', 3, 'ab…'],
  ['abcd', 0, ''],
  ['😀😀😀', 2, '😀…'],
];
for (const [text, characters, expected] of cuts) {
  test(`${text} in ${characters} characters is ${expected}`, () => assert.equal(cut(text, characters), expected));
}

const ages: [ms: number, expected: string][] = [
  [-5, '0s'],
  [119_999, '119s'],
  [120_000, '2m'],
  [150_000, '2m30s'],
  [599_000, '9m59s'],
  [600_000, '10m'],
  [3 * 3_600_000, '3h'],
  [3 * 3_600_000 + 60_000, '3h1m'],
  [47 * 3_600_000, '47h'],
  [49 * 3_600_000, '2d'],
];
for (const [ms, expected] of ages) {
  test(`an age of ${ms} ms is ${expected}`, () => assert.equal(age(ms), expected));
}

const terminal = { columns: 80, rows: 24 };
const colours: [what: string, io: Parameters<typeof capturedIo>[0], coloured: boolean][] = [
  ['a terminal', { terminal }, true],
  ['a pipe', {}, false],
  ['NO_COLOR', { terminal, env: { NO_COLOR: '1' } }, false],
  ['an empty NO_COLOR', { terminal, env: { NO_COLOR: '' } }, true],
  ['a dumb terminal', { terminal, env: { TERM: 'dumb' } }, false],
];
for (const [what, io, coloured] of colours) {
  test(`${what} has ${coloured ? '' : 'no '}colours`, () => {
    assert.equal(paintFor(capturedIo(io))('x', 'red') !== 'x', coloured);
  });
}
