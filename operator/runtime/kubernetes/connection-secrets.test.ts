import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretObject, secretsInMemory } from '../../../test/secrets-in-memory.ts';
import { ApiError } from '../../kube/api-error.ts';
import { type ConnectionSecrets, createConnectionSecrets, type WantedConnectionSecret } from './connection-secrets.ts';

function fixture(random: () => number = () => 0.5) {
  const memory = secretsInMemory();
  const time = { now: 1_000_000 };
  const secrets = createConnectionSecrets(memory.client, { now: () => time.now }, random);
  const put = (key: string, values: Record<string, string>, hosts?: string) =>
    memory.objects.set(key, secretObject(key, values, hosts));
  return { ...memory, memory, time, secrets, put };
}

const want = (key: string, more: Partial<WantedConnectionSecret> = {}): WantedConnectionSecret => ({
  key,
  namespace: 'contoso',
  name: 'mailbox',
  secretKey: 'password',
  failing: false,
  ...more,
});

function shown(secrets: ConnectionSecrets, uid = 'one'): string {
  const reading = secrets.get(uid);
  if (reading === undefined) return 'nothing';
  if (reading.kind === 'fault') return `${reading.fault.reason}: ${reading.fault.message}`;
  return reading.hosts === undefined ? reading.password : `${reading.password} for ${reading.hosts}`;
}

test('what a Secret gives', async () => {
  const cases: [Record<string, string> | undefined, string | undefined, RegExp][] = [
    [{ password: 'pass word' }, 'imap.contoso.com,a.example', /^pass word for imap\.contoso\.com,a\.example$/],
    [{ password: 'secret\n' }, undefined, /^secret$/],
    [{ password: 'secret\r\n' }, undefined, /^secret$/],
    [{ password: 'secret\n\n' }, undefined, /^secret\n$/],
    [{ password: '\n' }, undefined, /^SecretKeyMissing: The key password of the Secret contoso\/mailbox is empty\.$/],
    [{ user: 'u', pw: 'p' }, undefined, /^SecretKeyMissing: .* has no key password; it has pw, user\. /],
    [{}, undefined, /^SecretKeyMissing: .* has no key password; it holds nothing\. /],
    [
      undefined,
      undefined,
      /^SecretNotFound: The Secret contoso\/mailbox does not exist; .*: kubectl create secret generic mailbox -n contoso --from-file=password=FILE && kubectl annotate secret mailbox -n contoso mailhold\.dev\/host=imap\.contoso\.com$/,
    ],
  ];
  for (const [values, hosts, expected] of cases) {
    const { secrets, put } = fixture();
    if (values !== undefined) put('contoso/mailbox', values, hosts);
    await secrets.bring([want('one', { host: 'imap.contoso.com' })]);
    assert.match(shown(secrets), expected);
  }
});

test('a Secret of several connections is read once, and each takes its own key of it', async () => {
  const { secrets, put, calls } = fixture();
  put('contoso/mailbox', { password: 'first', other: 'second' });
  await secrets.bring([want('one'), want('two', { secretKey: 'other' })]);
  assert.deepEqual([shown(secrets, 'one'), shown(secrets, 'two')], ['first', 'second']);
  assert.deepEqual(calls, ['get contoso/mailbox']);
});

test('one connection that fails is enough for its Secret to be read soon', async () => {
  const { secrets } = fixture();
  assert.equal(await secrets.bring([want('one', { failing: true }), want('two')]), 1_030_000);
  assert.equal(await secrets.bring([want('one'), want('two')]), 1_300_000);
});

test('readings are spread by a tenth either way', async () => {
  for (const [random, due] of [
    [0, 1_270_000],
    [1, 1_330_000],
  ] as const) {
    assert.equal(await fixture(() => random).secrets.bring([want('one')]), due);
  }
});

test('a changed Secret is read when marked, and when the connection changes', async () => {
  const { secrets, put } = fixture();
  put('contoso/mailbox', { password: 'first' });
  await secrets.bring([want('one', { revisionHint: '1' })]);
  put('contoso/mailbox', { password: 'second' });
  await secrets.bring([want('one', { revisionHint: '1' })]);
  assert.equal(shown(secrets), 'first', 'not due yet');
  secrets.mark('one');
  await secrets.bring([want('one', { revisionHint: '1' })]);
  assert.equal(shown(secrets), 'second');
  put('contoso/mailbox', { password: 'third' });
  await secrets.bring([want('one', { revisionHint: '2' })]);
  assert.equal(shown(secrets), 'third');
});

test('a Secret that may not be read is told in the words of the API server', async () => {
  const { secrets, memory } = fixture();
  memory.meddle = () => {
    throw new ApiError('Forbidden', 'secrets "mailbox" is forbidden: no role allows it.');
  };
  await secrets.bring([want('one')]);
  assert.match(shown(secrets), /^SecretForbidden: .*contoso\/mailbox.*no role allows it/);
});

test('while the API server does not answer, what was read stays, and 2,000 connections do not wait for it', async () => {
  const { secrets, put, memory, time, takeCalls } = fixture();
  const many = Array.from({ length: 2_000 }, (_, index) => want(`${index}`, { name: `mailbox-${index}` }));
  for (const { name } of many) put(`contoso/${name}`, { password: name });
  await secrets.bring(many);
  assert.equal(takeCalls().length, 2_000);
  time.now += 300_000;
  memory.meddle = () => {
    throw new ApiError('Timeout', 'The API server did not answer in 10 s.');
  };
  assert.equal(await secrets.bring(many), time.now + 30_000);
  assert.ok(takeCalls().length <= 8);
  assert.equal(shown(secrets, '1999'), 'mailbox-1999');
});

test('an error of our own is not taken for a Secret that cannot be read', async () => {
  const { secrets, memory } = fixture();
  memory.meddle = () => {
    throw new TypeError('a mistake');
  };
  await assert.rejects(secrets.bring([want('one')]), TypeError);
});
