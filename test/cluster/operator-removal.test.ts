/** What goes with a smaller gateway and with a deleted one, and what stays: the mail, and the key of the addresses. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { requirements } from './cluster.ts';
import { archive, gateway, journal, mailbox, type Names } from './operator-manifests.ts';
import { type OperatorScene, operatorScene } from './operator-scene.ts';

const skip = (await requirements({ node: false })) ?? false;
const SOON = '--timeout=10s';
/** The garbage collector takes its time. */
const COLLECTED = '--timeout=30s';
const MAILBOXES = 6;

let scene: OperatorScene;
let edge: Names;
const kubectl = (...args: string[]): Promise<string> => scene.kubectl(...args, '-n', scene.edge);
const atTenant = (name: string): Names => ({ namespace: scene.tenant, name });
const open = { allowedNamespaces: { from: 'All' } };

before(async () => {
  if (skip) return;
  scene = await operatorScene('removal');
  edge = { namespace: scene.edge, name: 'default' };
  const { tenant } = scene;
  await scene.kubectl('create', 'secret', 'generic', 'mailbox', '-n', tenant, '--from-literal=password=hush-hush');
  await scene.kubectl('annotate', 'secret', 'mailbox', '-n', tenant, 'mailhold.dev/host=imap.example.com');
  await scene.apply(
    archive({ ...edge, name: 'mail' }, { size: '10Gi', accessMode: 'ReadWriteMany' }),
    gateway(edge, { ...open, receiver: { replicas: 2 }, poller: { shards: 3 } }),
    journal(atTenant('journal'), edge),
    ...Array.from({ length: MAILBOXES }, (_, number) => mailbox(atTenant(`mailbox-${number}`), edge, 'mailbox')),
  );
});

after(async () => {
  if (skip) return;
  await using _ = scene;
  await scene.check();
});

test('pollers that are not wanted any more go with their Secrets, and all mailboxes to those that stay', {
  skip,
}, async () => {
  for (const shard of [0, 1, 2]) await kubectl('wait', '--for=create', `secret/default-poller-${shard}-group`, SOON);
  await kubectl('wait', '--for=create', 'pdb/default-receiver', SOON);
  await scene.apply(gateway(edge, { ...open, receiver: { replicas: 2 }, poller: { shards: 1 } }));
  await kubectl('wait', '--for=delete', 'deploy/default-poller-1', 'deploy/default-poller-2', SOON);
  const left = (await kubectl('get', 'deploy,secret', '-o', 'name'))
    .split('\n')
    .filter((it) => it.includes('-poller-'));
  assert.ok(left.length > 1);
  assert.deepEqual(
    left.filter((it) => !it.includes('/default-poller-0')),
    [],
  );
  assert.equal((await mailboxesOfPoller()).length, MAILBOXES);
});

test('one receiver has no disruption budget', { skip }, async () => {
  await scene.apply(gateway(edge, { ...open, receiver: { replicas: 1 } }));
  await kubectl('wait', '--for=delete', 'pdb/default-receiver', SOON);
  await kubectl('wait', '--for=jsonpath={.spec.replicas}=1', 'deploy/default-receiver', SOON);
});

test('a deleted gateway leaves the claim and the key, and one made anew has the same addresses', { skip }, async () => {
  const uid = (object: string): Promise<string> => kubectl('get', object, '-o', 'jsonpath={.metadata.uid}');
  const lasting = ['pvc/mail-mail', 'secret/default-address-key'];
  const before = await Promise.all(lasting.map(uid));
  const { status } = await addressed();
  await kubectl('delete', 'mgw', 'default');
  const orphan = await scene.shows('ArchiveConnection', atTenant('journal'), 'False NoGateway');
  const goes = ['deploy/default-receiver', 'deploy/default-poller-0', 'svc/default-receiver', 'sa/default-workers'];
  await kubectl('wait', '--for=delete', ...goes, 'secret/default-status-tls', COLLECTED);
  await kubectl('wait', '--for=delete', 'secret', '-l', 'app.kubernetes.io/component=poller', COLLECTED);
  assert.equal(orphan.status?.address, status?.address, 'the address is shown as it was');

  await scene.apply(gateway(edge, { ...open, hostName: 'other.archive.example.com' }));
  await scene.shows('ArchiveConnection', atTenant('journal'), 'Unknown Progressing');
  await kubectl('wait', '--for=create', 'deploy/default-receiver', SOON);
  assert.equal((await addressed()).status?.address, status?.address);
  assert.deepEqual(await Promise.all(lasting.map(uid)), before);
});

test('a deleted archive leaves its claim, and one made anew takes it up', { skip }, async () => {
  const claim = ['get', 'pvc', 'mail-mail', '-o', 'jsonpath={.metadata.uid} {.metadata.deletionTimestamp}'];
  const before = await kubectl(...claim);
  await kubectl('delete', 'ma', 'mail');
  await scene.shows('MailGateway', edge, 'False NoArchive');
  await scene.apply(archive({ ...edge, name: 'mail' }, { size: '10Gi', accessMode: 'ReadWriteMany' }));
  await scene.shows('MailGateway', edge, 'Unknown Progressing');
  assert.equal(await kubectl(...claim), before);
});

function addressed() {
  return scene.statuses.until(
    'it has its address',
    'ArchiveConnection',
    scene.tenant,
    'journal',
    (it) => it.status?.address !== undefined,
  );
}

/** uids of the connections that the first poller is to serve. */
async function mailboxesOfPoller(): Promise<string[]> {
  const secrets = await kubectl('get', 'secret', '-l', 'app.kubernetes.io/component=poller', '-o', 'json');
  const { items } = JSON.parse(secrets) as { items: { data: Record<string, string> }[] };
  return items
    .flatMap(({ data }) => data['entries.json'] ?? [])
    .flatMap((text) => (JSON.parse(atob(text)) as { entries: { uid: string }[] }).entries)
    .map(({ uid }) => uid);
}
