import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { applyBody } from './apply-body.ts';

test('the body is JSON of the same object', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string({ unit: 'binary' })), (data) => {
      const { text } = applyBody({ data });
      assert.deepEqual(JSON.parse(text), { data: { ...data } });
    }),
  );
});

test('characters that YAML does not take are written as escapes', () => {
  assert.equal(applyBody({ a: 'x\u007fy\u0085z\uffff' }).text, String.raw`{"a":"x\u007fy\u0085z\uffff"}`);
});

test('half a character becomes the mark for one that is lost, and text that looks like one stays', () => {
  assert.deepEqual(JSON.parse(applyBody({ a: 'x\ud800', b: '\\ud800' }).text), { a: 'x\ufffd', b: '\\ud800' });
});
