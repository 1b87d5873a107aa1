/** What a platform team does with Mailhold, on a real node: one story, whose parts run in order. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from '../../workers/receiver/testing/client.ts';
import { journalReport } from '../demo/journal-report.ts';
import { type Dovecot, dovecotMissing, startDovecot } from '../peers/dovecot.ts';
import { type Postfix, postfixMissing, startPostfix } from '../peers/postfix.ts';
import { ADDRESSES } from './addresses.ts';
import { type ClusterWithNode, requirements, startCluster } from './cluster.ts';
import { openDoor } from './door.ts';
import { type InstalledMailhold, installedMailhold, isGreen, light, type Shown, words } from './installed-mailhold.ts';
import { nodePlace } from './node-place.ts';
import { archive as archiveOf, journal as journalOf, runningGateway } from './operator-manifests.ts';

const skip = (await requirements({ node: true })) ?? dovecotMissing ?? postfixMissing ?? false;
const options = { skip, timeout: 180_000 };
const EDGE = 'e2e-mailhold';
const TENANT = 'e2e-contoso';
const MAIL_HOST = 'imap.contoso.test';
const POLL_MS = 2_000;
const WAITING = 500;
const SENT = 1_000;

let cluster: ClusterWithNode;
let mailhold: InstalledMailhold;
let dovecot: Dovecot | undefined;
let postfix: Postfix | undefined;
let address = '';
const waiting = Array.from({ length: WAITING }, (_, number) => mailOf(number));

before(async () => {
  if (skip) return;
  cluster = await startCluster({ node: true });
  mailhold = await installedMailhold(cluster, EDGE);
  await mailhold.kubectl('create', 'namespace', TENANT);
  await cluster.addHost(MAIL_HOST, '203.0.113.20');
  dovecot = await startDovecot({
    users: { undeliverable: 'right' },
    certificateName: MAIL_HOST,
    place: nodePlace(cluster, '203.0.113.20'),
  });
  await dovecot.fill('undeliverable', waiting);
});

after(async () => {
  if (skip) return;
  await postfix?.[Symbol.asyncDispose]();
  await dovecot?.[Symbol.asyncDispose]();
  await cluster.kubectl(['delete', 'ac,mgw,ma', '--all', '-n', TENANT, '-n', EDGE]);
  await cluster.helm(['uninstall', 'mailhold', '--namespace', EDGE, '--ignore-not-found']);
  await cluster.kubectl(['delete', 'namespace', EDGE, TENANT, '--wait=false']);
  await cluster[Symbol.asyncDispose]();
});

test('helm install, two manifests, and the green light', options, async () => {
  await mailhold.helm('install', { gatewayNamespaces: [EDGE] });
  await mailhold.apply(archive, gateway);
  await mailhold.apply(journal);
  await mailhold.kubectl('wait', '--for=condition=Ready', 'ac/journal', '-n', TENANT, '--timeout=60s');
  const shown = await mailhold.show('ac', 'journal', TENANT);
  address = shown.status?.address ?? '';
  assert.match(address, /^[0-9a-z]{32}@in\.archive\.example\.com$/);
  assert.ok(words(shown).startsWith(address), words(shown));
  assert.equal(light(shown, 'Archiving'), 'Unknown AwaitingFirstMessage');
  const table = await mailhold.kubectl('get', 'ac', '-n', TENANT);
  assert.match(table, /NAME +METHOD +READY +TESTED +ARCHIVING +BACKLOG +ENDPOINT +AGE/);
  assert.match(table, new RegExp(`journal +SMTP +True +True +Unknown +- +${address}`));
  await mailhold.until('the gateway is green', 'mgw', 'default', EDGE, isGreen);
});

test('a mailbox with 500 messages is archived, byte for byte', options, async () => {
  await mailhold.kubectl(...['create', 'secret', 'generic', 'mailbox', '-n', TENANT, '--from-literal=password=right']);
  await mailhold.apply(mailbox('undelivered'));
  const held = await mailhold.until(
    'the host is missing',
    'ac',
    'undelivered',
    TENANT,
    (shown) => light(shown, 'Ready')?.startsWith('False') ?? false,
  );
  assert.equal(light(held, 'Ready'), 'False SecretNotForHost');
  // The words name the command that mends it: it is run as it stands there.
  const command = /kubectl (annotate secret .*)$/.exec(words(held))?.[1] ?? '';
  await mailhold.kubectl(...command.split(' '));
  await mailhold.kubectl('annotate', 'ac', 'undelivered', '-n', TENANT, 'mailhold.dev/test-requested-at=1');
  await mailhold.until('green', 'ac', 'undelivered', TENANT, isGreen, 40_000);
  await mailhold.until('no backlog', 'ac', 'undelivered', TENANT, (it) => it.status?.source?.waiting === 0, 40_000);
  const kept = new Set((await mailhold.messages('mail-mail')).map(digest));
  assert.deepEqual(waiting.filter((message) => !kept.has(digest(message))).length, 0);
});

test('what Postfix sends through the Service is archived with nothing changed', options, async () => {
  postfix = await startedPostfix();
  const report = journalReport({ to: address, domain: 'contoso.test', subject: 'end to end' });
  await submit(postfix, [report]);
  await mailhold.until('archiving', 'ac', 'journal', TENANT, (it) => light(it, 'Archiving') === 'True Succeeded');
  const kept = await mailhold.messages('mail-mail');
  // Postfix puts its own Received line in front.
  assert.equal(kept.filter((message) => message.subarray(-report.length).equals(report)).length, 1);
});

test(
  'a sender whose address the network hides makes the gateway say so, without moving its light',
  options,
  async () => {
    const selector = ['-n', EDGE, '-l', 'app.kubernetes.io/component=receiver'];
    const pod = await mailhold.kubectl('get', 'pod', ...selector, '-o', 'jsonpath={.items[0].status.podIP}');
    assert.ok(cluster.node);
    // From the node itself, as everything comes that a Service with externalTrafficPolicy Cluster hands on.
    await using _door = await openDoor(cluster.node.pid, 2525, pod);
    const client = await Client.secure(2525);
    await client.command('MAIL FROM:<>');
    assert.match((await client.command(`RCPT TO:<${address}>`)).text, /^250 /);
    client.destroy();
    const isHidden = (it: Shown) => light(it, 'PeerAddressHidden') === 'True PeerAddressHidden';
    const shown = await mailhold.until('the warning', 'mgw', 'default', EDGE, isHidden);
    assert.match(words(shown, 'PeerAddressHidden'), /externalTrafficPolicy/);
    assert.ok(isGreen(shown));
  },
);

test('a test on request is echoed together with its result', options, async () => {
  const request = new Date().toISOString();
  await mailhold.kubectl('annotate', 'ac', 'journal', '-n', TENANT, `mailhold.dev/test-requested-at=${request}`);
  const isEchoed = (it: Shown) => it.status?.lastHandledTestAt === request;
  const shown = await mailhold.until('the echo', 'ac', 'journal', TENANT, isEchoed);
  assert.equal(light(shown, 'Tested'), 'True Succeeded');
});

test(
  'a wrong password turns the light red with the words of the server, and the right one in the Secret alone green',
  options,
  async () => {
    await server().setPassword('undeliverable', 'new');
    const red = (it: Shown) => light(it, 'Ready') === 'False AuthenticationFailed';
    const shown = await mailhold.until('red', 'ac', 'undelivered', TENANT, red, POLL_MS + 5_000);
    assert.equal(light(shown, 'Failed'), 'True AuthenticationFailed');
    assert.match(words(shown), /NO \[AUTHENTICATIONFAILED\] Authentication failed\./);
    const row = await mailhold.kubectl('get', 'ac', 'undelivered', '-n', TENANT, '-o', 'wide');
    assert.match(row, /False.*AuthenticationFailed.*\[AUTHENTICATIONFAILED\] Authentication failed/);

    const data = { password: Buffer.from('new').toString('base64') };
    await mailhold.kubectl('patch', 'secret', 'mailbox', '-n', TENANT, '-p', JSON.stringify({ data }));
    await mailhold.until('green', 'ac', 'undelivered', TENANT, isGreen, 45_000);
  },
);

test('a second connection for the mailbox is told so, and the first goes on', options, async () => {
  await mailhold.apply(mailbox('again'));
  const shown = await mailhold.until(
    'refused',
    'ac',
    'again',
    TENANT,
    (it) => light(it, 'Ready')?.startsWith('False') ?? false,
  );
  assert.equal(light(shown, 'Ready'), 'False ResourceConflict');
  assert.match(words(shown), /undelivered/);
  assert.ok(isGreen(await mailhold.show('ac', 'undelivered', TENANT)));
  await mailhold.kubectl('delete', 'ac', 'again', '-n', TENANT);
});

test('while a connection is Disabled its sender hears 450 and keeps its mail', options, async () => {
  assert.ok(postfix);
  await mailhold.kubectl('patch', 'ac', 'journal', '-n', TENANT, '--type=merge', '-p', '{"spec":{"state":"Disabled"}}');
  await mailhold.until(
    'disabled',
    'ac',
    'journal',
    TENANT,
    (it) => isGreen(it) && light(it, 'Ready') === 'True Disabled',
  );
  const report = journalReport({ to: address, domain: 'contoso.test', subject: 'meanwhile' });
  await submit(postfix, [report]);
  await said(postfix, /450 4\.2\.1 .*in reply to RCPT TO command/);
  await mailhold.kubectl('patch', 'ac', 'journal', '-n', TENANT, '--type=merge', '-p', '{"spec":{"state":"Enabled"}}');
  await mailhold.until(
    'enabled',
    'ac',
    'journal',
    TENANT,
    (it) => isGreen(it) && light(it, 'Ready') === 'True Succeeded',
  );
  await emptied(postfix);
  const kept = await mailhold.messages('mail-mail');
  assert.equal(kept.filter((message) => message.subarray(-report.length).equals(report)).length, 1);
});

test('the receiver is deleted in the middle of 1,000 messages, and each is in the archive', options, async () => {
  assert.ok(postfix);
  const reports = Array.from({ length: SENT }, (_, number) =>
    journalReport({ to: address, domain: 'contoso.test', subject: `one of many ${number}` }),
  );
  const sending = submit(postfix, reports);
  const before = (await mailhold.messages('mail-mail')).length;
  while ((await mailhold.messages('mail-mail')).length < before + 100) await pause(50);
  await mailhold.kubectl('delete', 'pod', '-n', EDGE, '-l', 'app.kubernetes.io/component=receiver', '--wait=false');
  await sending;
  await emptied(postfix);
  const kept = await mailhold.messages('mail-mail');
  const ends = new Set(kept.map((message) => digest(message.subarray(message.indexOf('From: "Microsoft Outlook"')))));
  assert.equal(reports.filter((report) => !ends.has(digest(report))).length, 0);
});

test('a bad manifest is refused with what to write instead', options, async () => {
  const bad = {
    ...journal,
    metadata: { name: 'bad', namespace: TENANT },
    spec: { method: 'SMTP', smtp: { source: 'Exchange' } },
  };
  const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(bad) });
  assert.equal(code, 1);
  assert.match(stderr, /source Exchange needs senderRanges: write the addresses that your Exchange servers send from/);
});

test('a gateway in a namespace that is not managed says which value to set', options, async () => {
  await mailhold.apply({
    ...gateway,
    metadata: { name: 'elsewhere', namespace: TENANT },
    spec: { ...gateway.spec, role: 'Named' },
  });
  const shown = await mailhold.until(
    'refused',
    'mgw',
    'elsewhere',
    TENANT,
    (it) => light(it, 'Ready') === 'False NamespaceNotAllowed',
  );
  assert.match(words(shown), /gatewayNamespaces/);
  await mailhold.kubectl('delete', 'mgw', 'elsewhere', '-n', TENANT);
});

test('helm upgrade with other values moves no light', options, async () => {
  const before = await mailhold.show('ac', 'undelivered', TENANT);
  await mailhold.helm('upgrade', { gatewayNamespaces: [EDGE], operator: { logLevel: 'warn' } });
  await pause(POLL_MS);
  const shown = await mailhold.show('ac', 'undelivered', TENANT);
  assert.ok(isGreen(shown));
  assert.deepEqual(since(shown), since(before));
});

test('without its operator mail is still taken, and one that is installed again moves no light', options, async () => {
  assert.ok(postfix);
  const before = await mailhold.show('ac', 'journal', TENANT);
  await mailhold.uninstall();
  const report = journalReport({ to: address, domain: 'contoso.test', subject: 'nobody operates' });
  await submit(postfix, [report]);
  await emptied(postfix);
  const kept = await mailhold.messages('mail-mail');
  assert.equal(kept.filter((message) => message.subarray(-report.length).equals(report)).length, 1);

  await mailhold.helm('install', { gatewayNamespaces: [EDGE] });
  await pause(POLL_MS);
  const shown = await mailhold.show('ac', 'journal', TENANT);
  assert.ok(isGreen(shown));
  assert.deepEqual(since(shown), since(before));
});

test(
  'uninstall leaves mail and key; installed again, addresses are the same and no message comes twice',
  options,
  async () => {
    await mailhold.kubectl('delete', 'mgw,ma', '--all', '-n', EDGE);
    await mailhold.uninstall();
    await mailhold.kubectl(
      'wait',
      '--for=delete',
      'pod',
      '-l',
      'app.kubernetes.io/managed-by=mailhold',
      '-n',
      EDGE,
      '--timeout=90s',
    );
    const left = (await mailhold.kubectl('get', 'pvc,secret', '-n', EDGE, '-o', 'name')).trim().split('\n').sort();
    assert.deepEqual(left, [
      'persistentvolumeclaim/mail-mail',
      'secret/default-address-key',
      'secret/mailhold-worker-authority',
    ]);
    const before = (await mailhold.messages('mail-mail')).length;

    await mailhold.helm('install', { gatewayNamespaces: [EDGE] });
    await mailhold.apply(archive, gateway);
    const shown = await mailhold.until('green', 'ac', 'journal', TENANT, isGreen, 60_000);
    assert.equal(shown.status?.address, address);
    await mailhold.until('green', 'ac', 'undelivered', TENANT, isGreen, 60_000);
    await server().fill('undeliverable', [mailOf(WAITING)]);
    const isKept = async () =>
      (await mailhold.messages('mail-mail')).some((it) => digest(it) === digest(mailOf(WAITING)));
    while (!(await isKept())) await pause(200);
    assert.equal((await mailhold.messages('mail-mail')).length, before + 1);
  },
);

const archive = archiveOf({ name: 'mail', namespace: EDGE });
const gateway = runningGateway(
  { name: 'default', namespace: EDGE },
  {
    role: 'Default',
    allowedNamespaces: { from: 'Selected', names: [TENANT] },
    // The network gives pods addresses that the node does not tell of.
    egress: { clusterRanges: [ADDRESSES.pods] },
  },
);
const journal = journalOf({ name: 'journal', namespace: TENANT });

function mailbox(name: string): object {
  return {
    apiVersion: 'mailhold.dev/v1alpha1',
    kind: 'ArchiveConnection',
    metadata: { name, namespace: TENANT },
    spec: {
      method: 'IMAP',
      imap: {
        host: MAIL_HOST,
        port: server().imapsPort,
        user: 'undeliverable',
        passwordRef: { name: 'mailbox' },
        caBundle: server().certificate,
        pollInterval: `${POLL_MS / 1_000}s`,
      },
    },
  };
}

/** When each light last turned. */
function since({ status }: Shown): unknown {
  return status?.conditions?.map(({ type, lastTransitionTime }) => [type, lastTransitionTime]);
}

function mailOf(number: number): Buffer {
  return Buffer.from(`Subject: number ${number}\r\n\r\n.dot\r\n8-bit \xe9, message ${number}\r\n`, 'latin1');
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function startedPostfix(): Promise<Postfix> {
  const service = await mailhold.kubectl(
    'get',
    'svc',
    'default-receiver',
    '-n',
    EDGE,
    '-o',
    'jsonpath={.spec.clusterIP}',
  );
  const pem = await mailhold.kubectl(
    'get',
    'secret',
    'default-certificate',
    '-n',
    EDGE,
    '-o',
    String.raw`jsonpath={.data.tls\.crt}`,
  );
  return await startPostfix({
    purpose: {
      kind: 'relay',
      host: service,
      port: 25,
      verify: { hostName: 'in.archive.example.com', certificate: Buffer.from(pem, 'base64').toString() },
    },
    place: nodePlace(cluster, '203.0.113.25'),
  });
}

/** Hands messages to Postfix, which has them on disk when this resolves. */
async function submit({ port }: Postfix, messages: readonly Buffer[]): Promise<void> {
  assert.ok(cluster.node);
  await using _door = await openDoor(cluster.node.pid, port, '203.0.113.25');
  const client = await Client.connect(port);
  await client.reply();
  await client.command('EHLO mail.contoso.test');
  for (const message of messages) assert.match(await client.transaction([address], onTheWire(message)), /^250 /);
  client.destroy();
}

/** With its dots doubled and its last one behind it (RFC 5321 section 4.5.2). */
function onTheWire(message: Buffer): Buffer {
  return Buffer.from(`${message.toString('latin1').replaceAll(/(^|\r\n)\./g, '$1..')}.\r\n`, 'latin1');
}

async function said(peer: Postfix, what: RegExp): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!what.test(await peer.log())) {
    if (performance.now() > deadline) throw new Error(`not said: ${what}\n${await peer.log()}`);
    await pause(100);
  }
}

/** Until Postfix has delivered all that it has. */
async function emptied(peer: Postfix): Promise<void> {
  const deadline = performance.now() + 120_000;
  for (;;) {
    const counts = await Promise.all((['incoming', 'active', 'deferred'] as const).map((queue) => peer.count(queue)));
    if (counts.every((count) => count === 0)) return;
    if (performance.now() > deadline) throw new Error(`still queued: ${counts.join(', ')}\n${await peer.log()}`);
    peer.flush();
    await pause(250);
  }
}

function server(): Dovecot {
  assert.ok(dovecot);
  return dovecot;
}
