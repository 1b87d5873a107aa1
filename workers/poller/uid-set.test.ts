import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sequenceSet, UidSet } from './uid-set.ts';

const uid = fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 2 ** 31 - 30, max: 2 ** 31 + 30 }));

test('whatever is added in whatever order, the set holds exactly that, also after a round through its text', () => {
  fc.assert(
    fc.property(fc.array(uid, { maxLength: 80 }), (uids) => {
      const set = new UidSet();
      for (const each of uids) set.add(each);
      const expected = new Set(uids);
      const read = UidSet.parse(set.toString());
      assert.ok(read);
      for (const candidate of [...uids, ...uids.map((each) => each + 1), ...uids.map((each) => each - 1)]) {
        assert.equal(set.has(candidate), expected.has(candidate));
        assert.equal(read.has(candidate), expected.has(candidate));
      }
      assert.equal(set.size, expected.size);
      assert.equal(read.size, expected.size);
      assert.equal(
        set.toString(),
        sequenceSet([...expected].sort((a, b) => a - b)),
        'neighbours are always joined into one range',
      );
    }),
  );
});

test('a text that is not a set of UIDs is refused', () => {
  for (const text of ['0', '1:', 'a', '5:3', '3,2', '1:2,3', '1,,2', '1:*', '4294967296', '-1', ' 1']) {
    assert.equal(UidSet.parse(text), undefined, text);
  }
});

test('UIDs become the shortest sequence-set', () => {
  for (const [uids, text] of [
    [[], ''],
    [[7], '7'],
    [[1, 2, 3, 7, 9, 10], '1:3,7,9:10'],
    [[743_024_218, 2_147_483_647, 2_147_483_648], '743024218,2147483647:2147483648'],
  ] as const) {
    assert.equal(sequenceSet(uids), text);
  }
});
