import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printable, refusalOf } from './server-answer.ts';

const NOW = Date.UTC(2026, 0, 1, 12, 0, 0);

function refusal(status: number, body: unknown, more: { retryAfter?: string; discreet?: boolean } = {}) {
  const { retryAfter, discreet = false } = more;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return refusalOf({ doing: 'apply pods a/b', status, retryAfter, body: Buffer.from(text), now: NOW, discreet });
}

test('what the server says becomes a code, and whether to come back', () => {
  const cases: [status: number, body: unknown, code: string, retry: string][] = [
    [400, { reason: 'BadRequest' }, 'BadRequest', 'never'],
    [401, { reason: 'Unauthorized' }, 'Unauthorized', 'later'],
    [403, { reason: 'Forbidden' }, 'Forbidden', 'later'],
    [404, { reason: 'NotFound' }, 'NotFound', 'later'],
    [409, { reason: 'AlreadyExists' }, 'AlreadyExists', 'never'],
    [409, { reason: 'Conflict' }, 'Conflict', 'now'],
    [410, { reason: 'Expired' }, 'Gone', 'now'],
    [410, 'gone', 'Gone', 'now'],
    [422, { reason: 'Invalid' }, 'Invalid', 'never'],
    [422, { reason: 'Invalid', details: { causes: [{ field: 'metadata.uid' }] } }, 'Conflict', 'now'],
    [429, { reason: 'TooManyRequests' }, 'TooManyRequests', 'later'],
    [500, { reason: 'InternalError' }, 'Unavailable', 'later'],
    [
      500,
      { message: 'failed to create typed patch object (a/b): .x: field not declared in schema' },
      'Invalid',
      'never',
    ],
    [500, { message: 'something else' }, 'Unavailable', 'later'],
    [500, { reason: 'ServerTimeout' }, 'Timeout', 'later'],
    [502, '<html>Bad gateway</html>', 'Unavailable', 'later'],
    [503, { reason: 'ServiceUnavailable' }, 'Unavailable', 'later'],
    [504, { reason: 'Timeout' }, 'Timeout', 'later'],
    [302, '', 'Unexpected', 'later'],
    [418, { reason: 'Teapot' }, 'Unexpected', 'later'],
  ];
  for (const [status, body, code, retry] of cases) {
    const error = refusal(status, body);
    assert.deepEqual([error.code, error.retry, error.status], [code, retry, status], JSON.stringify(body));
  }
});

test('the sentence says what was asked for, the number and the words', () => {
  assert.equal(
    refusal(403, { reason: 'Forbidden', message: 'exceeded quota: pods=3' }).message,
    'The API server refused to apply pods a/b (403 Forbidden): exceeded quota: pods=3',
  );
  assert.equal(
    refusal(502, '<html>\n<b>Bad</b>\u0000').message,
    'The API server refused to apply pods a/b (502): <html> <b>Bad</b>',
  );
  assert.equal(refusal(502, '').message, 'The API server refused to apply pods a/b (502).');
});

test('how long to wait is a number of seconds, a date, or a field of the body', () => {
  const cases: [retryAfter: string | undefined, body: unknown, ms: number | undefined][] = [
    ['3', {}, 3_000],
    ['0', { details: { retryAfterSeconds: 9 } }, 0],
    ['Thu, 01 Jan 2026 12:00:05 GMT', {}, 5_000],
    ['Thu, 01 Jan 2026 11:00:00 GMT', {}, 0],
    ['soon', {}, undefined],
    ['99999999999999999999', {}, undefined],
    [undefined, { details: { retryAfterSeconds: 2 } }, 2_000],
    [undefined, { details: { retryAfterSeconds: '2' } }, undefined],
    [undefined, 'null', undefined],
  ];
  for (const [retryAfter, body, ms] of cases) {
    const error = refusal(429, body, retryAfter === undefined ? {} : { retryAfter });
    assert.equal(error.retryAfterMs, ms, `${retryAfter} ${JSON.stringify(body)}`);
  }
});

test('causes are taken as far as they are well formed', () => {
  const causes = [{ field: 'spec.x', reason: 'FieldValueInvalid', message: 'too\nlong' }, null, 'x', { field: 5 }];
  assert.deepEqual(refusal(422, { reason: 'Invalid', details: { causes } }).causes, [
    { field: 'spec.x', reason: 'FieldValueInvalid', message: 'too long' },
    {},
  ]);
});

test('text of a peer is one line of bounded length', () => {
  assert.equal(printable('a\r\n\tb\u202e\u0000c'), 'a b c');
  assert.equal(printable('😀'.repeat(5), 3), '😀😀…');
});

test('of a Secret, only words are shown that the server says before it looks into it', () => {
  const account = 'User "system:serviceaccount:mail:mailhold" cannot create resource "secrets"';
  const cases: [reason: string, message: string, shown: boolean][] = [
    ['Forbidden', 'secrets "a" is forbidden: exceeded quota: few, requested: count/secrets=1, used: 5', true],
    ['Forbidden', `secrets is forbidden: ${account}`, true],
    ['Forbidden', `secrets "a" is forbidden: ${account}`, true],
    ['Forbidden', 'admission webhook "w" denied the request: hush-hush is too short', false],
    ['Forbidden', 'secrets "a" is forbidden: ValidatingAdmissionPolicy \'p\' denied request: hush-hush', false],
    ['Invalid', 'Secret "a" is invalid: data[password]: Invalid value: "hush-hush"', false],
  ];
  for (const [reason, message, shown] of cases) {
    const error = refusal(403, { reason, message }, { discreet: true });
    assert.equal(error.message.includes(message), shown, message);
    assert.ok(!error.message.includes('hush-hush'));
  }
});
