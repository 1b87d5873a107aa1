import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Stage } from '../process/contract.ts';
import { faultOf } from './faults.ts';

const at = (stage: Stage) => ({ stage, host: 'imap.contoso.com', port: 993, folder: 'INBOX' });
const said = (response: string) => ({ response, authenticationFailed: true });

test("a server's refusal becomes a code and a time to try again", () => {
  for (const [stage, words, code, retry] of [
    ['authenticate', 'NO [AUTHENTICATIONFAILED] no', 'AuthenticationFailed', 'never'],
    ['authenticate', 'NO [AUTHORIZATIONFAILED] no', 'AuthenticationFailed', 'never'],
    ['authenticate', 'NO [EXPIRED] no', 'AuthenticationFailed', 'never'],
    ['authenticate', 'NO [PRIVACYREQUIRED] no', 'AuthenticationFailed', 'never'],
    ['authenticate', 'NO [CONTACTADMIN] no', 'AuthenticationFailed', 'never'],
    ['authenticate', 'NO [UNAVAILABLE] no', 'ServerRefused', 'later'],
    ['authenticate', 'NO [INUSE] no', 'ServerRefused', 'later'],
    ['authenticate', 'NO [LIMIT] no', 'Throttled', 'later'],
    ['authenticate', 'NO [SERVERBUG] no', 'ServerRefused', 'later'],
    ['authenticate', 'NO [ALERT] Please log in via your web browser', 'AuthenticationFailed', 'never'],
    ['authenticate', 'NO LOGIN failed.', 'AuthenticationFailed', 'never'],
    ['authenticate', 'NO AUTHENTICATE failed.', 'AuthenticationFailed', 'never'],
    ['authenticate', 'BAD User is authenticated but not connected.', 'ServerRefused', 'later'],
    ['authenticate', 'NO Maximum number of connections from user+IP exceeded', 'Throttled', 'later'],
    ['authenticate', 'NO Temporary authentication failure.', 'ServerRefused', 'later'],
    ['select', 'NO [NONEXISTENT] Unknown Mailbox', 'FolderNotFound', 'never'],
    ['select', 'NO such folder', 'FolderNotFound', 'never'],
    ['select', 'NO [NOPERM] Permission denied', 'ServerRefused', 'never'],
    ['select', 'BAD what', 'ServerRefused', 'later'],
    ['read', 'NO [SERVERBUG] oops', 'ServerRefused', 'later'],
  ] as const) {
    const fault = faultOf(said(`A3 ${words}`), at(stage));
    assert.deepEqual([fault.code, fault.retry, fault.serverText], [code, retry, words], words);
    assert.ok(fault.message.startsWith('imap.contoso.com refused '));
  }
});

test('a wait that the server asks for is kept', () => {
  const words = 'BAD Request is throttled. Suggested Backoff Time: 299961 milliseconds';
  const fault = faultOf(said(`A1 ${words}`), at('read'));
  assert.deepEqual([fault.code, fault.retryAfterMs], ['Throttled', 299_961]);
});

test('an error of the network, of TLS or of the protocol becomes a code and a sentence', () => {
  const timeout = new DOMException('x', 'TimeoutError');
  for (const [stage, error, code, retry, words] of [
    ['resolve', { code: 'ENOTFOUND' }, 'DNSFailed', 'later', /ENOTFOUND/],
    ['resolve', timeout, 'DNSFailed', 'later', /did not answer in time/],
    ['connect', { code: 'ECONNREFUSED' }, 'ConnectionRefused', 'later', /port 993/],
    ['connect', timeout, 'ConnectionFailed', 'later', /did not accept the connection in time/],
    ['connect', { code: 'EHOSTUNREACH', message: 'no route' }, 'ConnectionFailed', 'later', /no route/],
    ['tls', { code: 'CERT_HAS_EXPIRED' }, 'TLSVerificationFailed', 'never', /it has expired/],
    [
      'tls',
      { code: 'ERR_TLS_CERT_ALTNAME_INVALID', message: 'other name.' },
      'TLSVerificationFailed',
      'never',
      /other/,
    ],
    ['tls', { code: 'ERR_SSL_WRONG_VERSION_NUMBER' }, 'TLSFailed', 'later', /STARTTLS/],
    [
      'tls',
      { code: 'ERR_SSL_X', reason: 'no shared cipher', message: 'C:1:2' },
      'TLSFailed',
      'later',
      /no shared cipher/,
    ],
    ['tls', { code: 'ECONNRESET', message: 'reset' }, 'TLSFailed', 'later', /reset/],
    ['tls', { tlsFailed: true, message: 'no' }, 'TLSFailed', 'never', /does not offer STARTTLS/],
    ['greet', { code: 'GREETING_TIMEOUT' }, 'ConnectionFailed', 'later', /no greeting/],
    ['greet', { code: 'ParserError3', message: 'odd' }, 'ProtocolError', 'later', /not IMAP/],
    ['select', { mailboxMissing: true }, 'FolderNotFound', 'never', /no folder "INBOX"/],
    ['read', { code: 'ECONNRESET', message: 'read ECONNRESET' }, 'ConnectionFailed', 'later', /broke/],
    ['read', undefined, 'ConnectionFailed', 'later', /broke/],
  ] as const) {
    const fault = faultOf(error, at(stage));
    assert.deepEqual([fault.code, fault.retry], [code, retry], JSON.stringify(error));
    assert.match(fault.message, words);
    assert.match(fault.message, /\.$/);
  }
});

test('what the server says as it leaves is told, and counts as temporary', () => {
  const fault = faultOf({ code: 'NoConnection' }, { ...at('authenticate'), bye: 'Shutting down' });
  assert.deepEqual([fault.code, fault.retry, fault.serverText], ['ServerRefused', 'later', 'BYE Shutting down']);
});
