/** Who may use which gateway, and who has a mailbox: what a person is told on a real API server, and how it goes on. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { requirements } from './cluster.ts';
import { light, words } from './installed-mailhold.ts';
import { archive, gateway, journal, mailbox, type Names } from './operator-manifests.ts';
import { type OperatorScene, operatorScene } from './operator-scene.ts';

const skip = (await requirements({ node: false })) ?? false;
/** Of what has all that it needs; no worker ever starts here. */
const GOES_ON = 'Unknown Progressing';

let scene: OperatorScene;
const atEdge = (name: string): Names => ({ namespace: scene.edge, name });
const atTenant = (name: string): Names => ({ namespace: scene.tenant, name });

before(async () => {
  if (skip) return;
  scene = await operatorScene('admission');
  await scene.apply(archive(atEdge('mail')));
});

after(async () => {
  if (skip) return;
  await using _ = scene;
  await scene.check();
});

test('a gateway where Mailhold may run none is told of the Helm value', { skip }, async () => {
  await scene.apply(archive(atTenant('mail')), gateway(atTenant('stray')));
  const stray = await scene.shows('MailGateway', atTenant('stray'), 'False NamespaceNotAllowed');
  assert.match(words(stray), new RegExp(`the namespace ${scene.tenant}: add it to the Helm value gatewayNamespaces`));
  const made = await scene.kubectl('get', 'deploy,svc,pvc,secret,pdb', '-n', scene.tenant, '-o', 'name');
  assert.equal(made, '');
});

test('a connection goes on as soon as the gateway that it names admits its namespace', { skip }, async () => {
  const edge = atEdge('closed');
  await scene.apply(gateway(edge), journal(atTenant('outside'), edge));
  const outside = await scene.shows('ArchiveConnection', atTenant('outside'), 'False NamespaceNotAllowed');
  assert.match(words(outside), /does not admit the namespace .*; its owner adds it to spec\.allowedNamespaces/);
  assert.equal(outside.status?.address, undefined);
  await scene.apply(gateway(edge, { allowedNamespaces: { from: 'Selected', names: [scene.tenant] } }));
  await scene.shows('ArchiveConnection', atTenant('outside'), GOES_ON);
});

test('a connection without a gateway goes on as soon as there is one, and only one', { skip }, async () => {
  const open = { role: 'Default', allowedNamespaces: { from: 'All' } };
  await scene.apply(journal(atTenant('any')));
  const any = await scene.shows('ArchiveConnection', atTenant('any'), 'False NoGateway');
  assert.match(words(any), /No MailGateway with role Default admits the namespace/);
  await scene.apply(gateway(atEdge('one'), open));
  await scene.shows('ArchiveConnection', atTenant('any'), GOES_ON);

  await scene.apply(gateway(atEdge('two'), open));
  const torn = await scene.shows('ArchiveConnection', atTenant('any'), 'False AmbiguousGateway');
  assert.match(words(torn), new RegExp(`${scene.edge}/one, ${scene.edge}/two`));
  await scene.apply(gateway(atEdge('two'), { ...open, role: 'Named' }));
  await scene.shows('ArchiveConnection', atTenant('any'), GOES_ON);

  await scene.apply(journal(atTenant('astray'), atEdge('nowhere')));
  const astray = await scene.shows('ArchiveConnection', atTenant('astray'), 'False NoGateway');
  assert.match(words(astray), new RegExp(`There is no MailGateway ${scene.edge}/nowhere; correct spec.gatewayRef`));
});

test('a gateway without its archive takes no mail, and goes on as soon as that is made', { skip }, async () => {
  const edge = atEdge('poor');
  const open = { allowedNamespaces: { from: 'All' }, archiveRef: { name: 'later' } };
  await scene.apply(gateway(edge, open), journal(atTenant('poor'), edge));
  const poor = await scene.shows('MailGateway', edge, 'False NoArchive');
  assert.match(words(poor), new RegExp(`There is no MailArchive ${scene.edge}/later`));
  await scene.shows('ArchiveConnection', atTenant('poor'), 'False NoArchive');
  await scene.apply(archive(atEdge('later')));
  await scene.shows('MailGateway', edge, GOES_ON);
  await scene.shows('ArchiveConnection', atTenant('poor'), GOES_ON);
  await scene.kubectl('wait', '--for=create', 'deploy/poor-receiver', '-n', scene.edge, '--timeout=10s');
});

test('of two connections for one mailbox the older has it, and the younger as soon as that is gone', {
  skip,
}, async () => {
  const edge = atEdge('shared');
  const { tenant } = scene;
  await scene.apply(gateway(edge, { allowedNamespaces: { from: 'All' } }));
  await scene.kubectl('create', 'secret', 'generic', 'mailbox', '-n', tenant, '--from-literal=password=hush-hush');
  await scene.kubectl('annotate', 'secret', 'mailbox', '-n', tenant, 'mailhold.dev/host=imap.example.com');
  // Where they are made within one second, the order of names decides.
  await scene.apply(mailbox(atTenant('a'), edge, 'mailbox', 'undelivered'));
  await scene.shows('ArchiveConnection', atTenant('a'), GOES_ON);
  await scene.apply(mailbox(atTenant('b'), edge, 'mailbox', 'undelivered'));
  const loser = await scene.shows('ArchiveConnection', atTenant('b'), 'False ResourceConflict');
  assert.match(words(loser), /The older ArchiveConnection a has this mailbox/);
  const [, ...ofHolder] = scene.statuses.versions('ArchiveConnection', tenant, 'a');
  assert.ok(
    ofHolder.every((it) => light(it, 'Ready') === GOES_ON),
    'the older was never held up',
  );

  await scene.kubectl('delete', 'ac', 'a', '-n', tenant);
  await scene.shows('ArchiveConnection', atTenant('b'), GOES_ON);
});
