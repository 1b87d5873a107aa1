import assert from 'node:assert/strict';
import { test } from 'node:test';
import { screen } from './screen.ts';
import { capturedIo } from './testing/captured-io.ts';

test('on a terminal a text is drawn over the one before, line by line', () => {
  const io = capturedIo({ terminal: { columns: 20, rows: 10 } });
  const draw = screen(io);
  draw('one\ntwo\n');
  draw('three\n');
  assert.equal(io.out(), '\rone\u001b[K\ntwo\u001b[K\n\u001b[J\u001b[2A\rthree\u001b[K\n\u001b[J');
});

test('what is wider than the terminal is cut, and loses its colour there', () => {
  const io = capturedIo({ terminal: { columns: 5, rows: 10 } });
  screen(io)('\u001b[31mabcdefgh\u001b[0m');
  assert.equal(io.out(), '\rabcd…\u001b[K\n\u001b[J');
});

test('what is higher than the terminal ends with how many lines are missing', () => {
  const io = capturedIo({ terminal: { columns: 20, rows: 4 } });
  screen(io)('1\n2\n3\n4\n5');
  assert.equal(io.out(), '\r1\u001b[K\n2\u001b[K\n… 3 more lines\u001b[K\n\u001b[J');
});

test('it finds its beginning again in a terminal that became narrower', () => {
  const size = { isTTY: true, columns: 10, rows: 20 };
  const written: string[] = [];
  const draw = screen({
    stdout: Object.assign(size, { write: (text: string | Uint8Array) => written.push(String(text)) }),
  });
  draw('abcdefghij\nk');
  size.columns = 4;
  draw('x');
  assert.ok(written[1]?.startsWith('\u001b[4A\r'), 'three wrapped rows and one');
});

test('a terminal of no size is taken as 80 by 24', () => {
  const io = capturedIo({ terminal: { columns: 0, rows: 0 } });
  const line = 'x'.repeat(80);
  screen(io)(`${line}\n${line}y\n${'z\n'.repeat(30)}`);
  const drawn = io.out().split('\u001b[K\n');
  assert.equal(drawn[0], `\r${line}`);
  assert.equal(drawn[1], `${'x'.repeat(79)}…`);
  assert.equal(drawn[22], '… 10 more lines');
});

test('elsewhere one text follows the other', () => {
  const io = capturedIo();
  const draw = screen(io);
  draw('one\n');
  draw('two');
  assert.equal(io.out(), 'one\ntwo\n');
});
