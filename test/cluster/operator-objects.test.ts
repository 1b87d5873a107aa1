/** What becomes of manifests, on a real API server: objects, addresses, statuses at every moment, and how they are shown. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { KubeObject } from '../../operator/kube/types.ts';
import { deriveLocalPart } from '../../operator/plan/address.ts';
import { requirements } from './cluster.ts';
import { light, words } from './installed-mailhold.ts';
import { archive, gateway, journal, mailbox, type Names } from './operator-manifests.ts';
import { type OperatorScene, operatorScene } from './operator-scene.ts';

const skip = (await requirements({ node: false })) ?? false;
const SOON_MS = 10_000;

let scene: OperatorScene;
let edge: Names;

before(async () => {
  if (skip) return;
  scene = await operatorScene('objects');
  edge = { namespace: scene.edge, name: 'default' };
});

after(async () => {
  if (skip) return;
  await using _ = scene;
  await scene.check();
});

test('a gateway, its archive and a connection become objects within seconds', { skip }, async () => {
  const { statuses, tenant } = scene;
  await scene.apply(
    archive({ namespace: edge.namespace, name: 'mail' }),
    gateway(edge, { role: 'Default', allowedNamespaces: { from: 'Selected', names: [tenant] } }),
    journal({ namespace: tenant, name: 'journal' }),
  );
  await statuses.until(
    'it has its address',
    'ArchiveConnection',
    tenant,
    'journal',
    (it) => it.status?.address !== undefined,
    SOON_MS,
  );
  const wanted = [
    'deployment/default-receiver',
    'deployment/default-poller-0',
    'service/default-receiver',
    'serviceaccount/default-workers',
    'persistentvolumeclaim/mail-mail',
    'secret/default-address-key',
    'secret/default-certificate',
    'secret/default-status-tls',
    'secret/default-receiver-group',
    'secret/default-poller-0-group',
  ];
  for (const object of wanted) {
    await scene.kubectl('wait', '--for=create', object, '-n', edge.namespace, `--timeout=${SOON_MS}ms`);
  }
  const { metadata } = await read('mailgateway', edge);
  const lasting = ['persistentvolumeclaim/mail-mail', 'secret/default-address-key'];
  for (const object of wanted) {
    const [resource = '', name = ''] = object.split('/');
    const { ownerReferences = [] } = (await read(resource, { ...edge, name })).metadata;
    const owners = ownerReferences.map(({ kind, uid, controller }) => ({ kind, uid, controller }));
    const gatewayAlone = [{ kind: 'MailGateway', uid: metadata.uid, controller: true }];
    assert.deepEqual(owners, lasting.includes(object) ? [] : gatewayAlone, object);
  }
});

test('the address is the one that the key in the Secret gives, and kubectl shows the whole of it', {
  skip,
}, async () => {
  const { tenant } = scene;
  const secret = (await read('secret', { ...edge, name: 'default-address-key' })) as KubeObject & {
    data: { key: string };
  };
  const localPart = deriveLocalPart(Buffer.from(secret.data.key, 'base64'), tenant, 'journal', 1);
  const [head = '', row = ''] = (await scene.kubectl('get', 'ac', '-n', tenant)).split('\n');
  assert.deepEqual(head.split(/ +/), ['NAME', 'METHOD', 'READY', 'TESTED', 'ARCHIVING', 'BACKLOG', 'ENDPOINT', 'AGE']);
  assert.equal(row.slice(head.indexOf('ENDPOINT'), head.indexOf('AGE')).trim(), `${localPart}@in.archive.example.com`);
});

test('a status begins as never looked at, and no light is on before there are workers', { skip }, async () => {
  const of = scene.statuses.versions;
  const connection = of('ArchiveConnection', scene.tenant, 'journal');
  const gateways = of('MailGateway', edge.namespace, 'default');
  const archives = of('MailArchive', edge.namespace, 'mail');
  for (const [first] of [connection, gateways, archives]) assert.equal(first?.status?.observedGeneration, -1);
  const lights = [connection, gateways].map(([, ...later]) => new Set(later.map((it) => light(it, 'Ready'))));
  assert.deepEqual(lights, [new Set(['Unknown Progressing']), new Set(['Unknown Progressing'])]);
  // The archive is there before its gateway, and nothing is missing then.
  const ofArchive = new Set(archives.slice(1).map((it) => light(it, 'Ready')));
  for (const shown of ofArchive) assert.match(shown ?? '', /^(True NotInUse|Unknown Progressing)$/);
});

test('after a change of the manifest, a light is never on for the one before', { skip }, async () => {
  const { statuses, tenant } = scene;
  const name = 'changing';
  for (const state of ['Disabled', 'Enabled', 'Disabled']) {
    await scene.apply(journal({ namespace: tenant, name }, undefined, { state }));
    const { metadata } = await read('ac', { namespace: tenant, name });
    await statuses.until(
      `it was looked at as ${state}`,
      'ArchiveConnection',
      tenant,
      name,
      (it) => it.status?.observedGeneration === metadata.generation,
    );
  }
  const generations = statuses
    .versions('ArchiveConnection', tenant, name)
    .map(({ status }) => status?.observedGeneration ?? 0);
  assert.deepEqual(
    generations,
    generations.toSorted((a, b) => a - b),
    'no status goes back to an older generation',
  );
  assert.equal(generations.at(-1), 3);
});

test('kubectl finds all three by short names and by category, and describes why', { skip }, async () => {
  const { tenant, kubectl } = scene;
  await scene.apply(mailbox({ namespace: tenant, name: 'undelivered' }, edge));
  const shown = await scene.statuses.until(
    'the Secret is missed',
    'ArchiveConnection',
    tenant,
    'undelivered',
    (it) => light(it, 'Ready') === 'False SecretNotFound',
  );
  const all = await kubectl('get', 'mailhold', '-A');
  for (const row of [`${tenant} +archiveconnection\\S*/journal`, `${edge.namespace} +mailgateway\\S*/default`]) {
    assert.match(all, new RegExp(row));
  }
  assert.match(all, new RegExp(`${edge.namespace} +mailarchive\\S*/mail`));
  assert.match(await kubectl('get', 'mgw', '-A'), /READY +HOST +ADDRESS +DOMAIN +ARCHIVE +CONNECTIONS +AGE\n/);
  assert.match(await kubectl('get', 'ma', '-A'), /READY +FREE +AGE\n/);
  assert.match(
    await kubectl('get', 'ac', '-n', tenant),
    /undelivered +IMAP +False +False +Unknown +undelivered@imap\.example\.com:993\/INBOX/,
  );
  assert.match(await kubectl('get', 'ac', '-n', tenant, '-o', 'wide'), /SecretNotFound +The Secret/);

  await kubectl('wait', '--for=create', 'event', '-n', tenant, `--field-selector=reason=SecretNotFound`);
  const described = await kubectl('describe', 'ac', 'undelivered', '-n', tenant);
  assert.match(described, /Reason: +SecretNotFound\n/);
  assert.match(described, /Warning +SecretNotFound +\S+ +mailhold/);
  assert.ok(described.replace(/\s+/g, ' ').includes(words(shown).replace(/\s+/g, ' ')));
});

async function read(resource: string, { namespace, name }: Names): Promise<Required<Pick<KubeObject, 'metadata'>>> {
  return JSON.parse(await scene.kubectl('get', resource, name, '-n', namespace, '-o', 'json')) as KubeObject;
}
