import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { test } from 'node:test';
import { systemClock } from '../process/clock.ts';
import type { Attempt, Certificate, StageResult } from '../process/contract.ts';
import { runSelfTest } from './self-test.ts';
import { isSelfTest, selfTestName } from './self-test-token.ts';
import { createSelfTests } from './self-tests.ts';
import { certificate, certificateOfAnotherName, expiredCertificate } from './testing/certificate.ts';
import { Client } from './testing/client.ts';
import { addressOf, entry, eventually, HOST, startReceiver, testGroup } from './testing/receiver.ts';

const KEY = testGroup().selfTest.key;

test('a token is good for its host name, its key and two minutes in either direction, and is no host name itself', () => {
  let now = Date.UTC(2026, 0, 1);
  const clock = { now: () => now, monotonic: () => 0 };
  const name = selfTestName(KEY, HOST, clock);
  assert.ok(name.endsWith('.invalid') && name.length < 100);
  const good = (helo = name, key = KEY, host = HOST): boolean => isSelfTest(helo, key, host, clock);
  assert.equal(good(), true);
  assert.equal(good(name, Buffer.alloc(32, 8).toString('base64')), false);
  assert.equal(good(name, KEY, 'other.example.com'), false);
  assert.equal(good(name.replace('-', '-0')), false);
  assert.equal(good(`1${name}`), false);
  assert.equal(good('x.self-test.invalid'), false);
  assert.equal(good('client.example'), false);
  now += 120_000;
  assert.equal(good(), true);
  now += 1;
  assert.equal(good(), false);
});

/** Asks a running receiver's worker interface, as POST /test does. */
async function request(
  running: Awaited<ReturnType<typeof startReceiver>>,
  uid: string,
): Promise<[Attempt, StageResult[]]> {
  const stages: StageResult[] = [];
  const attempt = await running.receiver.test(uid, (stage) => stages.push(stage), new AbortController().signal);
  return [attempt, stages];
}

test('a test on request passes every stage, tells each, and becomes the newest attempt', async () => {
  await using running = await startReceiver([entry('a')]);
  assert.equal(running.board.get('a')?.facts.attempt?.trigger, 'change', 'tested already when it was served');
  const [attempt, stages] = await request(running, 'a');
  assert.equal(attempt.fault, undefined);
  assert.equal(attempt.trigger, 'request');
  assert.deepEqual(attempt.stages, stages);
  assert.deepEqual(
    stages.map(({ stage, ok }) => [stage, ok]),
    ['resolve', 'connect', 'greet', 'tls', 'recipient'].map((stage) => [stage, true]),
  );
  assert.match(stages[3]?.text ?? '', /^TLSv1\.3, certificate for in\.archive\.example\.com valid until .*2049/);
  assert.equal(running.board.get('a')?.facts.attempt, attempt);
  await eventually(() => running.receiver.sessions === 0, 'the session is closed');
  assert.partialDeepStrictEqual(running.board.get('a')?.facts, { refusals: [], counts: { begun: 0 } });
  assert.match(await running.registry.metrics(), /self_test_stages_total\{stage="tls",result="passed"\} 2/);
});

test('sender ranges and Disabled do not stop a test from inside, and the text says so', async () => {
  await using running = await startReceiver([
    entry('a', { state: 'Disabled', senderRanges: ['192.0.2.0/24'] }),
    entry('b', { minimumTLS: 'TLSv1.3' }),
  ]);
  const [attempt, stages] = await request(running, 'a');
  assert.equal(attempt.fault, undefined);
  assert.match(stages[4]?.text ?? '', /tested from inside/);
  assert.equal((await request(running, 'b'))[0].fault, undefined);
});

test('a session with a token may not send a message', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await Client.secure(running.port, selfTestName(KEY, HOST, systemClock));
  await client.command('MAIL FROM:<>');
  assert.equal((await client.command(`RCPT TO:<${addressOf('a')}>`)).code, 250);
  assert.equal((await client.command('DATA')).code, 503);
  assert.equal((await client.command('BDAT 2 LAST\r\n')).code, 503);
  client.destroy();
});

test('a token in clear text is worth nothing', async () => {
  await using running = await startReceiver([entry('a', { state: 'Disabled' })]);
  const client = await Client.connect(running.port);
  await client.reply();
  await client.command(`EHLO ${selfTestName(KEY, HOST, systemClock)}`);
  await client.startTls();
  await client.command('EHLO client.example');
  await client.command('MAIL FROM:<>');
  assert.equal((await client.command(`RCPT TO:<${addressOf('a')}>`)).code, 450);
  client.destroy();
});

const certificates: [string, Certificate, RegExp][] = [
  ['a certificate for another name', certificateOfAnotherName, /it is for other\.example\.com/],
  ['an expired certificate', expiredCertificate, /it has expired/],
  [
    'a supplied certificate that no root vouches for',
    { ...certificate, issuedByUs: false },
    /it is self-signed.*spec\.tls\.caBundle.*\(DEPTH_ZERO_SELF_SIGNED_CERT\)\.$/,
  ],
];
for (const [name, wrong, why] of certificates) {
  test(`the tls stage fails with the reason: ${name}`, async () => {
    await using running = await startReceiver([entry('a')], { group: { certificate: wrong } });
    const attempt = running.board.get('a')?.facts.attempt;
    assert.equal(attempt?.fault?.code, 'TLSVerificationFailed');
    assert.match(attempt?.fault?.message ?? '', why);
    assert.equal(attempt?.stages.at(-1)?.stage, 'tls');
    assert.ok(running.board.get('a')?.facts.failingSince);
  });
}

test('a supplied certificate verifies against the roots of the gateway', async () => {
  const own = { ...certificate, issuedByUs: false, caBundle: certificate.certificate };
  await using running = await startReceiver([entry('a')], { group: { certificate: own } });
  assert.equal(running.board.get('a')?.facts.attempt?.fault, undefined);
});

/** A server that says what it is told to each line. */
async function scripted(answer: (line: string) => string, greeting: string): Promise<{ server: Server; port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => socket.write(answer(chunk.toString())));
    if (greeting === '') socket.end();
    else socket.write(greeting);
  });
  server.on('close', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const at = server.address();
  return { server, port: typeof at === 'object' && at !== null ? at.port : 0 };
}

const attemptAt = (dial: { address: string; port: number }, stageMs = 5_000): Promise<Attempt> =>
  runSelfTest({
    target: { dial, hostName: HOST, journalDomain: HOST, certificate, key: KEY },
    entry: entry('a'),
    trigger: 'request',
    clock: systemClock,
    emit: () => undefined,
    signal: new AbortController().signal,
    stageMs,
  });

const servers: [string, (line: string) => string, string, string, string][] = [
  ['a greeting of 421', () => '', '421 4.3.2 Too many sessions\r\n', 'greet', 'ServerRefused'],
  ['a peer that closes at once', () => '', '', 'greet', 'InternalError'],
  ['no STARTTLS', () => '250 hello\r\n', '220 hi\r\n', 'greet', 'TLSFailed'],
  [
    'STARTTLS refused',
    (line) => (line.startsWith('EHLO') ? '250-hello\r\n250 STARTTLS\r\n' : '454 4.7.0 not now\r\n'),
    '220 hi\r\n',
    'tls',
    'TLSFailed',
  ],
  [
    'no TLS behind STARTTLS',
    (line) => (line.startsWith('EHLO') ? '250-hello\r\n250 STARTTLS\r\n' : '220 go\r\n'),
    '220 hi\r\n',
    'tls',
    'TLSFailed',
  ],
];
for (const [name, answer, greeting, stage, code] of servers) {
  test(`a test fails at ${stage} with ${code}: ${name}`, async () => {
    const { server, port } = await scripted(answer, greeting);
    const attempt = await attemptAt({ address: '127.0.0.1', port }, 300);
    server.close();
    const last = attempt.stages.at(-1);
    assert.deepEqual([last?.stage, last?.ok], [stage, false]);
    assert.equal(attempt.fault?.code === 'ConnectionFailed' ? code : attempt.fault?.code, code);
  });
}

test('a closed port and a name that does not exist', async () => {
  const { server, port } = await scripted(() => '', '220\r\n');
  server.close();
  await once(server, 'close');
  const refused = await attemptAt({ address: '127.0.0.1', port });
  assert.equal(refused.fault?.code, 'ConnectionRefused');
  assert.match(refused.fault?.message ?? '', new RegExp(`127.0.0.1:${port} refuses`));
  const nowhere = await attemptAt({ address: 'no-such-host.invalid', port });
  assert.equal(nowhere.fault?.code, 'DNSFailed');
});

test('an address that is not served fails at recipient, with the words of the receiver', async () => {
  await using running = await startReceiver([entry('b')]);
  const attempt = await attemptAt({ address: '127.0.0.1', port: running.port });
  assert.equal(attempt.fault?.code, 'AddressNotServed');
  assert.match(attempt.fault?.serverText ?? '', /^450 4\.2\.1 /);
});

test('failing tests are repeated, changed connections are tested at once, a few at a time', async () => {
  const running = new Set<string>();
  const triggers: string[] = [];
  let most = 0;
  let failing = true;
  const ending = new AbortController();
  const attempt = (trigger: Attempt['trigger']): Attempt => ({
    kind: 'test',
    trigger,
    revision: 'r',
    startedAt: '',
    endedAt: '',
    stages: [],
    ...(failing && { fault: { code: 'ConnectionRefused', retry: 'later', message: '' } }),
  });
  const tests = createSelfTests({
    clock: systemClock,
    times: { firstRetryMs: 20, retryMs: 20, scheduleMs: 60_000, tickMs: 2 },
    run: async (uid, trigger) => {
      running.add(uid);
      most = Math.max(most, running.size);
      await new Promise(setImmediate);
      running.delete(uid);
      return attempt(trigger);
    },
    onAttempt: (uid, { trigger }) => triggers.push(`${uid} ${trigger}`),
    signal: ending.signal,
  });
  const uids = Array.from({ length: 20 }, (_, i) => `c${i}`);
  tests.changed(uids);
  await eventually(() => triggers.length >= 40, 'all were tested and tested again');
  failing = false;
  assert.ok(most <= 4);
  assert.deepEqual(
    triggers.slice(0, 20),
    uids.map((uid) => `${uid} change`),
  );
  assert.deepEqual(new Set(triggers.slice(20)), new Set(uids.map((uid) => `${uid} retry`)));
  const passed = await tests.request('c1', () => undefined, ending.signal);
  assert.equal(passed.trigger, 'request');
  ending.abort();
});
