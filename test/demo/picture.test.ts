import assert from 'node:assert/strict';
import { test } from 'node:test';
import { terminalPicture } from './picture.ts';

test('colours become fills, and text is escaped', () => {
  const picture = terminalPicture('The lights', ['\u001b[1mREADY\u001b[0m', '\u001b[31mFalse\u001b[0m <a & b>']);
  assert.match(picture, /<title>The lights<\/title>/);
  assert.match(picture, /<tspan font-weight="bold">READY<\/tspan><\/text>/);
  assert.match(picture, /<tspan fill="#ff6b68">False<\/tspan> &lt;a &amp; b&gt;<\/text>/);
});
