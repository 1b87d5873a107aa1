import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkKstatus } from '../../test/kstatus.ts';
import { conditionsOf, type Lights, type Verdict, verdictOf } from './conditions.ts';
import { type Reason, reasons } from './reasons.ts';
import type { Condition } from './resource.ts';

const verdict: fc.Arbitrary<Verdict> = fc.record({
  status: fc.constantFrom('True', 'False', 'Unknown'),
  reason: fc.constantFrom(...(Object.keys(reasons) as Reason[])),
  message: fc.string({ minLength: 1, maxLength: 2_000, unit: 'grapheme' }),
});
const words = fc.string({ minLength: 1, maxLength: 100 });
const troubles = fc.record({ VolumeNotShareable: words, PeerAddressHidden: words }, { requiredKeys: [] });
const lights: fc.Arbitrary<Lights> = fc.record(
  { Ready: verdict, Tested: verdict, Archiving: verdict, troubles },
  { requiredKeys: ['Ready'] },
);

test('conditions keep the rules of kstatus whatever happens one after the other', () => {
  fc.assert(
    fc.property(fc.array(lights, { minLength: 1, maxLength: 12 }), (course) => {
      let conditions: Condition[] | undefined;
      course.forEach((step, index) => {
        const now = 1_000_000 * (index + 1);
        const before = conditions;
        conditions = conditionsOf(step, before, index, now);
        checkKstatus({
          kind: 'Any',
          metadata: { name: 'any', generation: index },
          status: { observedGeneration: index, conditions },
        });
        for (const condition of conditions) {
          const earlier = before?.find(({ type }) => type === condition.type);
          const kept = earlier?.status === condition.status;
          const expected = kept ? earlier.lastTransitionTime : new Date(now).toISOString();
          assert.equal(condition.lastTransitionTime, expected, `${condition.type} moves its time only when it flips`);
        }
      });
    }),
  );
});

test('the order of conditions is the same whatever they were before', () => {
  const all: Lights = {
    Ready: verdictOf('False', 'ArchiveFull'),
    Tested: verdictOf('True', 'Succeeded'),
    Archiving: verdictOf('False', 'ArchiveFull'),
  };
  const types = conditionsOf(all, undefined, 1, 0).map(({ type }) => type);
  assert.deepEqual(types, ['Ready', 'Tested', 'Archiving', 'Failed', 'Stalled']);
  const again = conditionsOf(all, conditionsOf(all, undefined, 1, 0).toReversed(), 1, 0);
  assert.deepEqual(
    again.map(({ type }) => type),
    types,
  );
});

test('a trouble is there only while it is True, and turns no other light', () => {
  const Ready = verdictOf('True', 'Succeeded');
  const troubled = conditionsOf({ Ready, troubles: { PeerAddressHidden: 'Look.' } }, undefined, 1, 0);
  assert.deepEqual(
    troubled.map(({ type, status, reason }) => `${type} ${status} ${reason}`),
    ['Ready True Succeeded', 'Failed False Succeeded', 'PeerAddressHidden True PeerAddressHidden'],
  );
  assert.equal(conditionsOf({ Ready, troubles: {} }, troubled, 1, 0).length, 2);
});

test('a message is cut at 1024 characters, not within one', () => {
  const [ready] = conditionsOf({ Ready: verdictOf('True', 'Succeeded', '😀'.repeat(2_000)) }, undefined, 1, 0);
  assert.equal(Array.from(ready?.message ?? '').length, 1024);
  assert.ok(ready?.message.endsWith('😀…'));
});

test('without words of its own a verdict has those of the catalogue', () => {
  const { message } = verdictOf('False', 'NoGateway');
  assert.equal(message, `${reasons.NoGateway.text} ${reasons.NoGateway.action}`);
});

test("numbers that move within a server's words are no reason for another message", () => {
  const said = (words: string, reason: Reason = 'ServerRefused'): Lights => ({
    Ready: verdictOf('False', reason, `imap.example.com refused the folder: "${words}". A few messages wait.`),
  });
  const first = conditionsOf(said('NO [SERVERBUG] Internal error [2026-11-25 08:13:57] (0.001 secs)'), undefined, 1, 0);
  const message = (next: Lights) => conditionsOf(next, first, 1, 1).map((condition) => condition.message);
  const same = first.map((condition) => condition.message);
  assert.deepEqual(message(said('NO [SERVERBUG] Internal error [2026-11-26 17:00:02] (0.132 secs)')), same);
  assert.notDeepEqual(message(said('NO [SERVERBUG] Another error [2026-11-25 08:13:57] (0.001 secs)')), same);
  const other = said('NO [SERVERBUG] Internal error [2026-11-26 17:00:02] (0.132 secs)', 'Throttled');
  assert.notDeepEqual(message(other), same, 'of another reason, all words are new');
  const counted = (count: string): Lights => ({ Ready: verdictOf('False', 'BacklogGrowing', `Over ${count} wait.`) });
  const [more] = conditionsOf(counted('1,000'), conditionsOf(counted('100'), undefined, 1, 0), 1, 1);
  assert.equal(more?.message, 'Over 1,000 wait.', 'our own numbers count');
});
