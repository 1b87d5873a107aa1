import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, type ApiErrorCode } from '../../kube/api-error.ts';
import { createRefusals } from './refusals.ts';

const OWNER = 'MailGateway/a/b';

function fixture() {
  let changes = 0;
  const refusals = createRefusals(() => {
    changes += 1;
  });
  return { refusals, words: () => refusals.faults.get(OWNER)?.message, changes: () => changes };
}

const cases: [error: Error, failures: number, words: string | undefined][] = [
  [new ApiError('Invalid', 'spec.nodePort: 30025 is taken.'), 1, 'spec.nodePort: 30025 is taken.'],
  [new ApiError('Unavailable', 'Try later.'), 1, undefined],
  [new ApiError('Unavailable', 'Try later.'), 2, undefined],
  [new ApiError('Unavailable', 'Try later.'), 3, 'Try later.'],
  [new ApiError('Forbidden', 'It is forbidden.'), 3, 'It is forbidden.'],
  [new Error('at line 7: secret'), 3, 'An error within Mailhold; its log says more.'],
];
for (const [error, failures, words] of cases) {
  const code: ApiErrorCode | 'an error of ours' = error instanceof ApiError ? error.code : 'an error of ours';
  test(`what is told of ${code} after ${failures} failures: ${words ?? 'nothing'}`, () => {
    const { refusals, words: told } = fixture();
    refusals.failed(OWNER, error, failures);
    assert.equal(told(), words);
  });
}

test('a change of the words, and their end, is told once', () => {
  const { refusals, changes, words } = fixture();
  refusals.passed(OWNER);
  assert.equal(changes(), 0);
  refusals.failed(OWNER, new ApiError('Invalid', 'one'), 1);
  refusals.failed(OWNER, new ApiError('Invalid', 'one'), 2);
  assert.equal(changes(), 1);
  refusals.failed(OWNER, new ApiError('Invalid', 'two'), 3);
  assert.deepEqual([changes(), words()], [2, 'two']);
  refusals.passed(OWNER);
  refusals.passed(OWNER);
  assert.deepEqual([changes(), words()], [3, undefined]);
});
