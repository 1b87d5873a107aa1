import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attempt,
  type Course,
  IMAP,
  later,
  light,
  MINUTE,
  NOW,
  refusedLogin,
  SMTP,
  sceneOf,
  served,
  unreachable,
} from '../../test/plan-scene.ts';
import type { ConnectionEntry, Fault } from '../../workers/process/contract.ts';
import { type PlanInput, plan } from './plan.ts';

const ago = (minutes: number) => new Date(NOW - minutes * MINUTE).toISOString();

function failing(fault: Fault, minutes: number, source: object = {}): Course {
  return {
    facts: (entry) => ({
      attempt: attempt(entry, fault),
      failingSince: ago(minutes),
      ...(entry.method === 'IMAP' && { source: { ...emptyFolder(entry), ...source } }),
    }),
  };
}

function emptyFolder(entry: ConnectionEntry) {
  const folder = entry.method === 'IMAP' ? entry.folder : '';
  return { folder, at: ago(1), exists: 0, uidNext: 1, uidValidity: '7', waiting: 0 };
}

const disabled = (manifest: string) =>
  manifest.replace('spec: {', 'spec: {state: Disabled, ').replace('spec:\n', 'spec:\n  state: Disabled\n');
const full: Fault = {
  code: 'ArchiveFull',
  retry: 'later',
  message: 'Less than 1.0 GiB is free in /srv/mailhold/mail.',
};

interface Row {
  state: string;
  scene: () => PlanInput;
  name: 'journal' | 'undelivered';
  ready: string;
  archiving: string;
  tested?: string;
  says?: RegExp;
  archivingSays?: RegExp;
  testedSays?: RegExp;
}

/** The table of states that must be right from the first day. */
const rows: Row[] = [
  {
    state: 'a new SMTP connection for which nobody has made a journal rule',
    scene: () => served(sceneOf(SMTP)),
    name: 'journal',
    ready: 'True Succeeded',
    archiving: 'Unknown AwaitingFirstMessage',
    tested: 'True Succeeded',
    says: /^[0-9a-z]{32}@in\.archive\.example\.com /,
  },
  {
    state: 'an SMTP connection that has stored mail',
    scene: () => served(sceneOf(SMTP), { facts: () => ({ lastStoredAt: ago(9) }) }),
    name: 'journal',
    ready: 'True Succeeded',
    archiving: 'True Succeeded',
    says: /^Mail is taken and kept\.$/,
    archivingSays: /^Messages come and are kept\.$/,
  },
  {
    state: 'an SMTP connection that has refused mail since it stored some',
    scene: () =>
      served(sceneOf(SMTP), {
        facts: () => ({
          lastStoredAt: ago(9),
          refusals: [{ reply: '450 4.7.1', count: 3, lastAt: ago(8), lastPeer: '192.0.2.1' }],
        }),
      }),
    name: 'journal',
    ready: 'True Succeeded',
    archiving: 'True Succeeded',
    archivingSays: /Some were refused since the last one: see refusals\.$/,
  },
  {
    state: 'an IMAP connection with an empty folder',
    scene: () => served(sceneOf(IMAP)),
    name: 'undelivered',
    ready: 'True Succeeded',
    archiving: 'True Succeeded',
    tested: 'True Succeeded',
  },
  {
    state: 'Disabled SMTP that was tested on request',
    scene: () => served(sceneOf(disabled(SMTP))),
    name: 'journal',
    ready: 'True Disabled',
    archiving: 'False Disabled',
    tested: 'True Succeeded',
    testedSays: /^Every stage passed: resolve, connect, greet, tls, recipient\. Tested from inside while Disabled\.$/,
  },
  {
    state: 'Disabled SMTP that nobody has tested',
    scene: () => served(sceneOf(disabled(SMTP)), { facts: () => ({ attempt: undefined as never }) }),
    name: 'journal',
    ready: 'True Disabled',
    archiving: 'False Disabled',
    tested: 'Unknown Disabled',
  },
  {
    state: 'Disabled IMAP whose Secret is missing',
    scene: () => withoutSecret(served(withoutSecret(sceneOf(disabled(IMAP))))),
    name: 'undelivered',
    ready: 'True Disabled',
    archiving: 'False Disabled',
  },
  {
    state: 'Disabled under a full archive',
    scene: () => served(sceneOf(disabled(SMTP)), { group: () => ({ fault: full, ready: false }) }),
    name: 'journal',
    ready: 'True Disabled',
    archiving: 'False Disabled',
  },
  {
    state: 'Disabled, and the worker does not serve that yet',
    scene: () => edited(served(sceneOf(SMTP)), (spec) => ({ ...spec, state: 'Disabled' })),
    name: 'journal',
    ready: 'Unknown Progressing',
    archiving: 'False Disabled',
  },
  {
    state: 'the spec just changed on a connection that archives',
    scene: () => edited(served(sceneOf(IMAP)), (spec) => ({ ...spec, description: 'new' }), true),
    name: 'undelivered',
    ready: 'Unknown Progressing',
    archiving: 'True Succeeded',
    tested: 'Unknown Progressing',
  },
  {
    state: 'the spec just changed on an SMTP connection that waits for its first message',
    scene: () => edited(served(sceneOf(SMTP)), (spec) => ({ ...spec, description: 'new' }), true),
    name: 'journal',
    ready: 'Unknown Progressing',
    archiving: 'Unknown AwaitingFirstMessage',
  },
  {
    state: 'the Secret just changed',
    scene: () => {
      const before = later(served(sceneOf(IMAP)), 1_000);
      const secrets = new Map(
        [...before.secrets.keys()].map((uid) => [
          uid,
          { kind: 'password', password: 'new', hosts: 'imap.contoso.com' } as const,
        ]),
      );
      return { ...before, secrets };
    },
    name: 'undelivered',
    ready: 'Unknown Progressing',
    archiving: 'True Succeeded',
    tested: 'Unknown Progressing',
  },
  {
    state: 'the change is served and its test is still running',
    scene: () => served(sceneOf(IMAP), { facts: (entry) => ({ attempt: { ...attempt(entry), revision: 'old' } }) }),
    name: 'undelivered',
    ready: 'Unknown Progressing',
    archiving: 'Unknown Progressing',
    tested: 'Unknown Progressing',
    says: /being tested/,
  },
  {
    state: 'a temporary failure for exactly 3 poll intervals',
    scene: () => ({
      ...later(served(sceneOf(IMAP)), 0),
      facts: served(sceneOf(IMAP), failing(unreachable(), 3)).facts,
    }),
    name: 'undelivered',
    ready: 'Unknown ProgressingWithRetry',
    archiving: 'True Succeeded',
    tested: 'False ConnectionRefused',
    says: /Nothing listens at imap\.contoso\.com:993 \(since 14:27 UTC\)\. It is tried again\./,
  },
  {
    state: 'a temporary failure for longer than 3 poll intervals',
    scene: () => served(sceneOf(IMAP), failing(unreachable(), 3.01)),
    name: 'undelivered',
    ready: 'False ConnectionRefused',
    archiving: 'Unknown ConnectionRefused',
    testedSays: /^Stage authenticate: Nothing listens/,
    says: /Nothing listens at imap\.contoso\.com:993 \(since 14:26 UTC\)\./,
  },
  {
    state: 'a temporary failure within 3 longer poll intervals',
    scene: () => served(sceneOf(IMAP.replace('imap: {', 'imap: {pollInterval: 10m, ')), failing(unreachable(), 29)),
    name: 'undelivered',
    ready: 'Unknown ProgressingWithRetry',
    archiving: 'Unknown Progressing',
  },
  {
    state: 'a temporary failure of an SMTP test for 3 minutes',
    scene: () => served(sceneOf(SMTP), failing(unreachable(), 3)),
    name: 'journal',
    ready: 'Unknown ProgressingWithRetry',
    archiving: 'Unknown AwaitingFirstMessage',
  },
  {
    state: 'a temporary failure of an SMTP test for longer than 3 minutes',
    scene: () => served(sceneOf(SMTP), failing(unreachable(), 3.01)),
    name: 'journal',
    ready: 'False ConnectionRefused',
    archiving: 'Unknown ConnectionRefused',
  },
  {
    state: 'a lasting failure of an SMTP test while mail comes all the same',
    scene: () =>
      served(sceneOf(SMTP), {
        facts: (entry) => ({ attempt: attempt(entry, unreachable()), failingSince: ago(30), lastStoredAt: ago(1) }),
      }),
    name: 'journal',
    ready: 'False ConnectionRefused',
    archiving: 'True Succeeded',
  },
  {
    state: 'a refused login with a backlog',
    scene: () =>
      served(sceneOf(IMAP), failing(refusedLogin(), 28, { waiting: 4321, exists: 4321, oldestWaitingSince: ago(160) })),
    name: 'undelivered',
    ready: 'False AuthenticationFailed',
    archiving: 'False AuthenticationFailed',
    tested: 'False AuthenticationFailed',
    says: /^imap\.contoso\.com refused the login: "NO \[AUTHENTICATIONFAILED\] Invalid credentials" \(since 14:02 UTC\)\. Over 1,000 messages wait; the oldest since 11:50 UTC\.$/,
  },
  {
    state: 'a login that was refused from the first go',
    scene: () =>
      served(sceneOf(IMAP), {
        facts: (entry) => ({ ...withoutSource(entry), attempt: attempt(entry, refusedLogin()) }),
      }),
    name: 'undelivered',
    ready: 'False AuthenticationFailed',
    archiving: 'Unknown AuthenticationFailed',
    archivingSays: /What came to the mailbox since 14:29 UTC is not known/,
  },
  {
    state: 'a certificate for another name',
    scene: () =>
      served(
        sceneOf(IMAP),
        failing({ code: 'TLSVerificationFailed', retry: 'never', message: 'The certificate is for mx.contoso.com' }, 0),
      ),
    name: 'undelivered',
    ready: 'False TLSVerificationFailed',
    archiving: 'Unknown TLSVerificationFailed',
  },
  {
    state: 'a missing Secret',
    scene: () => served(withoutSecret(sceneOf(IMAP))),
    name: 'undelivered',
    ready: 'False SecretNotFound',
    archiving: 'Unknown SecretNotFound',
    tested: 'False SecretNotFound',
    says: /pw does not exist/,
  },
  {
    state: 'a Secret that has not been read yet',
    scene: () => ({ ...sceneOf(IMAP), secrets: new Map() }),
    name: 'undelivered',
    ready: 'Unknown Progressing',
    archiving: 'Unknown Progressing',
  },
  {
    state: 'tests that pass while no waiting message is stored',
    scene: () =>
      served(sceneOf(IMAP), {
        facts: (entry) => ({ source: { ...emptyFolder(entry), waiting: 50, oldestWaitingSince: ago(20) } }),
      }),
    name: 'undelivered',
    ready: 'False BacklogGrowing',
    archiving: 'False BacklogGrowing',
    tested: 'True Succeeded',
    says: /Over 10 messages wait; the oldest since 14:10 UTC/,
  },
  {
    state: 'a backlog that is being worked off',
    scene: () =>
      served(sceneOf(IMAP), {
        facts: (entry) => ({
          lastStoredAt: ago(0.1),
          source: { ...emptyFolder(entry), waiting: 50_000, oldestWaitingSince: ago(20) },
        }),
      }),
    name: 'undelivered',
    ready: 'True Succeeded',
    archiving: 'True Succeeded',
  },
  {
    state: 'a worker that has not answered for 3 minutes',
    scene: () => served(sceneOf(IMAP), { answeredAt: NOW - 3 * MINUTE }),
    name: 'undelivered',
    ready: 'Unknown WorkerUnreachable',
    archiving: 'Unknown WorkerUnreachable',
    tested: 'Unknown WorkerUnreachable',
    says: /since 14:27 UTC/,
  },
  {
    state: 'a worker that has not answered for almost 3 minutes',
    scene: () => served(sceneOf(IMAP), { answeredAt: NOW - 3 * MINUTE + 1 }),
    name: 'undelivered',
    ready: 'True Succeeded',
    archiving: 'True Succeeded',
  },
  {
    state: 'a worker that ends again and again',
    scene: () => {
      const scene = served(sceneOf(IMAP));
      const crash = { since: NOW - 5 * MINUTE, message: 'it ended with signal SIGSEGV' };
      const workers = new Map(
        [...scene.workers].map(([key, it]) => [key, { ...it, pollers: [{ ...it.pollers?.[0], crash }] }]),
      );
      return { ...scene, workers };
    },
    name: 'undelivered',
    ready: 'False WorkerCrashLooping',
    archiving: 'False WorkerCrashLooping',
    says: /\(since 14:25 UTC\): it ended with signal SIGSEGV\./,
  },
  {
    state: 'a full archive under SMTP',
    scene: () => served(sceneOf(SMTP), { group: () => ({ fault: full, faultSince: ago(2), ready: false }) }),
    name: 'journal',
    ready: 'False ArchiveFull',
    archiving: 'False ArchiveFull',
    tested: 'True Succeeded',
    says: /^Less than 1\.0 GiB is free in \/srv\/mailhold\/mail \(since 14:28 UTC\)\.$/,
  },
  {
    state: 'an archive that cannot be written under IMAP',
    scene: () =>
      served(sceneOf(IMAP), {
        group: () => ({ fault: { code: 'ArchiveNotWritable', retry: 'later', message: 'EACCES in mail.' } }),
      }),
    name: 'undelivered',
    ready: 'False ArchiveNotWritable',
    archiving: 'False ArchiveNotWritable',
  },
  {
    state: 'a mailbox whose stages passed while the archive could not take its mail',
    scene: () =>
      served(sceneOf(IMAP), {
        facts: (entry) => ({
          attempt: {
            ...attempt(entry),
            fault: { code: 'ArchiveNotWritable', retry: 'later', message: 'EACCES in mail.' },
          },
          failingSince: ago(1),
        }),
      }),
    name: 'undelivered',
    ready: 'Unknown ProgressingWithRetry',
    archiving: 'Unknown Progressing',
    tested: 'True Succeeded',
    says: /^EACCES in mail \(since/,
  },
  {
    state: 'a certificate that Mailhold issued itself',
    scene: () => served(ownCertificate(sceneOf(SMTP))),
    name: 'journal',
    ready: 'True Succeeded',
    archiving: 'Unknown AwaitingFirstMessage',
    tested: 'True Succeeded',
    says: /^[0-9a-z]{32}@.*CertificateNotPublic: /,
  },
];

for (const row of rows) {
  test(`the lights of ${row.state}`, () => {
    const planned = plan(row.scene());
    const ready = light(planned, row.name, 'Ready');
    const archiving = light(planned, row.name, 'Archiving');
    assert.equal(ready.light, row.ready, ready.message);
    assert.equal(archiving.light, row.archiving, archiving.message);
    if (row.tested !== undefined) assert.equal(light(planned, row.name, 'Tested').light, row.tested);
    if (row.says !== undefined) assert.match(ready.message, row.says);
    if (row.testedSays !== undefined) assert.match(light(planned, row.name, 'Tested').message, row.testedSays);
    if (row.archivingSays !== undefined) assert.match(archiving.message, row.archivingSays);
  });
}

test('a connection that was Disabled is not said to be so once it is enabled again', () => {
  const before = later(served(sceneOf(disabled(SMTP))), 1_000);
  const planned = plan(edited(before, (spec) => ({ ...spec, state: 'Enabled' })));
  assert.equal(light(planned, 'journal', 'Archiving').light, 'Unknown AwaitingFirstMessage');
});

test('a cause that is gone is not shown on while a change is tested', () => {
  const before = later(served(sceneOf(SMTP), { group: () => ({ fault: full }) }), 1_000);
  assert.equal(light(plan(before), 'journal', 'Archiving').light, 'False ArchiveFull');
  const mended = served(before, { facts: (entry) => ({ attempt: { ...attempt(entry), revision: 'old' } }) });
  assert.equal(light(plan(mended), 'journal', 'Archiving').light, 'Unknown AwaitingFirstMessage');
});

test('a failure that may pass is looked at again when its time is up', () => {
  const planned = plan(served(sceneOf(IMAP), failing(unreachable(), 1)));
  assert.equal(planned.retryAt, NOW + 2 * MINUTE + 1);
  const after = plan(later(served(sceneOf(IMAP), failing(unreachable(), 1)), 2 * MINUTE + 1));
  assert.equal(light(after, 'undelivered', 'Ready').light, 'False ConnectionRefused');
});

test('the silence of a worker is looked at again when its time is up', () => {
  const planned = plan(served(sceneOf(SMTP)));
  assert.equal(planned.retryAt, NOW + 3 * MINUTE);
});

function withoutSecret(input: PlanInput): PlanInput {
  const fault = { reason: 'SecretNotFound', message: 'The file pw does not exist.' } as const;
  return { ...input, secrets: new Map([...input.secrets.keys()].map((uid) => [uid, { kind: 'fault', fault }])) };
}

function withoutSource(entry: ConnectionEntry) {
  return { uid: entry.uid, source: undefined as never };
}

function ownCertificate(input: PlanInput): PlanInput {
  const certificate = { certificate: 'certificate', privateKey: 'key', issuedByUs: true };
  return { ...input, material: new Map([...input.material].map(([key, it]) => [key, { ...it, certificate }])) };
}

type Spec = PlanInput['connections'][number]['spec'];

/** The scene after an edit of every connection; `settled`: with the statuses from before the edit. */
function edited(input: PlanInput, edit: (spec: Spec) => Spec, settled = false): PlanInput {
  const before = settled ? later(input, 1_000) : input;
  return {
    ...before,
    connections: before.connections.map((it) => ({
      ...it,
      metadata: { ...it.metadata, generation: it.metadata.generation + 1 },
      spec: edit(it.spec),
    })),
  };
}
