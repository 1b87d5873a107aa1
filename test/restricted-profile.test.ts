import assert from 'node:assert/strict';
import { test } from 'node:test';
import { restrictedViolations } from './restricted-profile.ts';
import { SPOILED_PODS, tightPod } from './spoiled-pods.ts';

test('a pod that leaves nothing open passes the restricted profile', () => {
  assert.deepEqual(restrictedViolations(tightPod()), []);
});

for (const { what, spoil, violation } of SPOILED_PODS) {
  test(`the restricted profile refuses ${what}`, () => {
    const pod = tightPod();
    spoil(pod);
    assert.deepEqual(restrictedViolations(pod), [violation]);
  });
}
