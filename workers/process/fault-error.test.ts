import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FaultError, printable, toFaultError } from './fault-error.ts';

test("a peer's text becomes one printable line of at most 200 characters", () => {
  assert.equal(printable('NO  [X]\r\n\tplease\u0000 wait\u001b[31m'), 'NO [X] please wait [31m');
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
      const shown = printable(text);
      assert.ok(Array.from(shown).length <= 200);
      assert.doesNotMatch(shown, /\p{C}/u);
    }),
  );
});

test('an error that we did not expect shows nothing of itself', () => {
  const fault = toFaultError(new Error('password hunter2 at /srv/x.ts:1')).toFault();
  assert.equal(fault.code, 'InternalError');
  assert.doesNotMatch(JSON.stringify(fault), /hunter2|srv/);
});

test('a fault keeps its code, retry and words, and leaves its cause inside', () => {
  const error = new FaultError('AuthenticationFailed', 'never', 'mail.example refused the login.', {
    serverText: 'NO no\r\n',
    cause: new Error('secret'),
  });
  assert.deepEqual(toFaultError(error).toFault(), {
    code: 'AuthenticationFailed',
    retry: 'never',
    message: 'mail.example refused the login.',
    serverText: 'NO no',
  });
});
