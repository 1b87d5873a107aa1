import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ImapFault } from '../../test/peers/imap-server/fault.ts';
import { byeAt } from '../../test/peers/imap-server/faults/bye.ts';
import { lyingExists } from '../../test/peers/imap-server/faults/lying-exists.ts';
import { refusedLogin } from '../../test/peers/imap-server/faults/refused-login.ts';
import { stallAt } from '../../test/peers/imap-server/faults/stall.ts';
import { deliver } from '../../test/peers/imap-server/mailbox.ts';
import { startImapServer } from '../../test/peers/imap-server/server.ts';
import type { PollerConnection } from '../process/contract.ts';
import { startPollerRig } from './rig.ts';

/** Short where a server stays silent, long where a busy machine may be slow. */
const SHORT = { resolveMs: 5_000, connectMs: 5_000, tlsMs: 5_000, greetMs: 800, silenceMs: 800 };
const stageNames = (attempt: { stages: readonly { stage: string }[] }): string =>
  attempt.stages.map(({ stage }) => stage).join(' ');

test('a test passes all stages on a new session and pulls nothing, by TLS and by STARTTLS', async () => {
  for (const [security, stages] of [
    ['TLS', 'resolve connect tls greet authenticate select read'],
    ['STARTTLS', 'resolve connect greet tls authenticate select read'],
  ] as const) {
    await using server = await startImapServer({ starttls: security === 'STARTTLS' });
    await using rig = await startPollerRig();
    deliver(server.inbox, 'Subject: a\r\n\r\n');
    await rig.serve({ port: server.port, caBundle: server.certificate, security, state: 'Disabled' });
    const attempt = await rig.test('u1');
    assert.equal(attempt.fault, undefined);
    assert.equal(stageNames(attempt), stages);
    assert.ok(attempt.stages.every(({ ok }) => ok));
    assert.match(attempt.stages.find(({ stage }) => stage === 'tls')?.text ?? '', /^TLSv1\.3, /);
    assert.equal(attempt.stages.at(-1)?.text, 'read message UID 1');
    assert.equal(rig.board.get('u1')?.facts.counts.begun, 0);
    assert.ok(!server.transcript.some((line) => line.startsWith('UID ')), 'nothing was listed or pulled');
  }
});

test('an empty folder passes read with those words', async () => {
  await using server = await startImapServer();
  await using rig = await startPollerRig();
  await rig.serve({ port: server.port, caBundle: server.certificate, state: 'Disabled' });
  assert.equal((await rig.test('u1')).stages.at(-1)?.text, 'the folder is empty');
});

test('a folder that says it holds messages and gives none passes, and says so', async () => {
  await using server = await startImapServer({ fault: lyingExists(7) });
  await using rig = await startPollerRig();
  await rig.serve({ port: server.port, caBundle: server.certificate });
  const facts = await rig.until('u1', ({ source }) => source !== undefined);
  assert.equal(facts.attempt?.stages.at(-1)?.text, 'the newest message went away meanwhile');
  assert.deepEqual([facts.source?.exists, facts.source?.waiting], [7, 0]);
});

const FAULTS: readonly [
  what: string,
  fault: ImapFault,
  entry: Partial<PollerConnection>,
  expected: { stage: string; code: string; retry: string; text: RegExp },
][] = [
  [
    'a wrong password',
    {},
    { password: 'wrong' },
    {
      stage: 'authenticate',
      code: 'AuthenticationFailed',
      retry: 'never',
      text: /^NO \[AUTHENTICATIONFAILED\] Invalid/,
    },
  ],
  [
    'a refusal without a code',
    refusedLogin('NO LOGIN failed.'),
    {},
    { stage: 'authenticate', code: 'AuthenticationFailed', retry: 'never', text: /^NO LOGIN failed\.$/ },
  ],
  [
    'an expired password',
    refusedLogin('NO [EXPIRED] That password is old'),
    {},
    { stage: 'authenticate', code: 'AuthenticationFailed', retry: 'never', text: /EXPIRED/ },
  ],
  [
    'a server whose back end is away',
    refusedLogin('NO [UNAVAILABLE] Try again'),
    {},
    { stage: 'authenticate', code: 'ServerRefused', retry: 'later', text: /UNAVAILABLE/ },
  ],
  [
    'a goodbye instead of a greeting',
    byeAt('GREETING', 'Too many connections'),
    {},
    { stage: 'greet', code: 'Throttled', retry: 'later', text: /Too many connections/ },
  ],
  [
    'a goodbye instead of an answer to the login',
    byeAt('AUTHENTICATE', 'Server shutting down'),
    {},
    { stage: 'authenticate', code: 'ServerRefused', retry: 'later', text: /Server shutting down/ },
  ],
  [
    'a server that never greets',
    stallAt('GREETING'),
    {},
    { stage: 'greet', code: 'ConnectionFailed', retry: 'later', text: /sent no greeting/ },
  ],
  [
    'a server that never answers the login',
    stallAt('AUTHENTICATE'),
    {},
    { stage: 'authenticate', code: 'ConnectionFailed', retry: 'later', text: /did not answer the login/ },
  ],
  [
    'a folder that is not there',
    {},
    { folder: 'Nowhere' },
    { stage: 'select', code: 'FolderNotFound', retry: 'never', text: /There is no folder Nowhere/ },
  ],
  [
    'a name in the certificate that is another',
    {},
    { host: '127.0.0.1' },
    { stage: 'tls', code: 'TLSVerificationFailed', retry: 'never', text: /127\.0\.0\.1/ },
  ],
  [
    'clear text where TLS was meant',
    {},
    { security: 'STARTTLS' },
    { stage: 'greet', code: 'ConnectionFailed', retry: 'later', text: /sent no greeting/ },
  ],
];

for (const [what, fault, entry, expected] of FAULTS) {
  test(`${what} is told with its stage and the server's words`, async () => {
    await using server = await startImapServer({ fault });
    await using rig = await startPollerRig({ timeouts: SHORT });
    await rig.serve({ port: server.port, caBundle: server.certificate, state: 'Disabled', ...entry });
    const attempt = await rig.test('u1');
    const last = attempt.stages.at(-1);
    assert.deepEqual([last?.stage, last?.ok], [expected.stage, false]);
    assert.deepEqual([attempt.fault?.code, attempt.fault?.retry], [expected.code, expected.retry]);
    assert.match(last?.text ?? '', expected.text);
    assert.ok(!JSON.stringify(attempt).includes('wrong'), 'the password is nowhere');
  });
}

test('a certificate that nobody we trust issued is refused before anything is said', async () => {
  await using server = await startImapServer();
  await using rig = await startPollerRig();
  await rig.serve({ port: server.port, state: 'Disabled' });
  const attempt = await rig.test('u1');
  assert.equal(attempt.fault?.code, 'TLSVerificationFailed');
  assert.match(attempt.fault?.message ?? '', /self-signed/);
  assert.deepEqual(server.transcript, []);
});

test('a server without STARTTLS is never given the password', async () => {
  const noStartTls: ImapFault = {
    command: ({ tag, name }, peer) => {
      if (name !== 'CAPABILITY') return false;
      peer.send(`* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n${tag} OK done\r\n`);
      return true;
    },
  };
  await using server = await startImapServer({ starttls: true, fault: noStartTls });
  await using rig = await startPollerRig();
  await rig.serve({ port: server.port, caBundle: server.certificate, security: 'STARTTLS', state: 'Disabled' });
  const attempt = await rig.test('u1');
  assert.deepEqual([attempt.fault?.code, attempt.stages.at(-1)?.stage], ['TLSFailed', 'tls']);
  assert.ok(!server.transcript.some((line) => /LOGIN|AUTHENTICATE/.test(line)));
});

test('an address that egress denies is not dialled, unless it is allowed', async () => {
  await using server = await startImapServer();
  const deny = ['127.0.0.0/8', '::1/128'];
  for (const [allow, code] of [
    [[], 'EgressDenied'],
    [['127.0.0.1'], undefined],
  ] as const) {
    await using rig = await startPollerRig({ egress: { deny, allow: [...allow] } });
    await rig.serve({ port: server.port, caBundle: server.certificate, state: 'Disabled' });
    const attempt = await rig.test('u1');
    assert.equal(attempt.fault?.code, code);
  }
});

test('the address that egress was checked on is the one that is dialled, whatever the name says next', async () => {
  await using server = await startImapServer();
  let asked = 0;
  const resolve = async (): Promise<string[]> => [['203.0.113.9'], ['127.0.0.1']][asked++] ?? [];
  await using rig = await startPollerRig({ resolve, timeouts: SHORT, egress: { deny: ['203.0.113.0/24'], allow: [] } });
  await rig.serve({ port: server.port, caBundle: server.certificate, state: 'Disabled' });
  assert.equal((await rig.test('u1')).fault?.code, 'EgressDenied');
  assert.equal(asked, 1);
});

test('a name server that hangs is given up on', async () => {
  const resolve = (): Promise<string[]> => new Promise(() => undefined);
  await using rig = await startPollerRig({ resolve, timeouts: { ...SHORT, resolveMs: 100 } });
  await rig.serve({ state: 'Disabled' });
  const { fault, stages } = await rig.test('u1');
  assert.deepEqual([fault?.code, stages.at(-1)?.stage], ['DNSFailed', 'resolve']);
});

test('without a password nothing is dialled', async () => {
  await using server = await startImapServer();
  await using rig = await startPollerRig();
  await rig.serve({ port: server.port, caBundle: server.certificate, password: '' });
  const { fault, stages } = await rig.test('u1');
  assert.deepEqual([fault?.code, fault?.retry, stages], ['AuthenticationFailed', 'never', []]);
  assert.deepEqual(server.transcript, []);
});

test('a server that refuses to give a message is told with its words, whatever it refuses with', async () => {
  let words = '';
  await using server = await startImapServer({
    fault: {
      command: ({ tag, name }, peer) => {
        if (!name.endsWith('FETCH')) return false;
        peer.send(`${tag} ${words}\r\n`);
        return true;
      },
    },
  });
  await using rig = await startPollerRig();
  deliver(server.inbox, 'one');
  await rig.serve({ port: server.port, caBundle: server.certificate, state: 'Disabled' });
  for (const [said, code, retry] of [
    ['NO not today', 'ServerRefused', 'later'],
    ['NO [SERVERBUG] Internal error', 'ServerRefused', 'later'],
    ['NO [NOPERM] You may not', 'ServerRefused', 'never'],
    ['BAD what', 'ServerRefused', 'later'],
  ] as const) {
    words = said;
    const { fault, stages } = await rig.test('u1');
    assert.deepEqual([fault?.code, fault?.retry, fault?.serverText], [code, retry, said]);
    assert.deepEqual([stages.at(-1)?.stage, stages.at(-1)?.text], ['read', said]);
  }
});
