/** What a real API server does not take: its words are shown where they belong, all else goes on, and it heals by itself. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { bucketOf } from '../../operator/plan/bucket.ts';
import { connectionsSecretName } from '../../operator/plan/children/names.ts';
import { requirements } from './cluster.ts';
import { light, words } from './installed-mailhold.ts';
import { archive, gateway, journal, type Names } from './operator-manifests.ts';
import { type OperatorScene, operatorScene } from './operator-scene.ts';

const skip = (await requirements({ node: false })) ?? false;
const SOON = '--timeout=10s';
const GOES_ON = 'Unknown Progressing';

let scene: OperatorScene;
const kubectl = (...args: string[]): Promise<string> => scene.kubectl(...args, '-n', scene.edge);
const atEdge = (name: string): Names => ({ namespace: scene.edge, name });
const atTenant = (name: string): Names => ({ namespace: scene.tenant, name });
const open = { allowedNamespaces: { from: 'All' } };

before(async () => {
  if (skip) return;
  scene = await operatorScene('refusals');
  await scene.apply(archive(atEdge('mail')), gateway(atEdge('default'), open));
  await kubectl('wait', '--for=create', 'deploy/default-receiver', SOON);
});

after(async () => {
  if (skip) return;
  await using _ = scene;
  await scene.check(['apply deployments', 'create secrets', 'apply secrets']);
});

test('two receivers on a volume of one node are one, and the gateway says what to do', { skip }, async () => {
  await scene.apply(gateway(atEdge('default'), { ...open, receiver: { replicas: 2 } }));
  const shown = await scene.statuses.until(
    'the trouble is told',
    'MailGateway',
    scene.edge,
    'default',
    (it) => light(it, 'VolumeNotShareable') === 'True VolumeNotShareable',
  );
  assert.match(
    words(shown, 'VolumeNotShareable'),
    /Use a MailArchive whose volume is ReadWriteMany, or write replicas: 1/,
  );
  assert.equal(light(shown, 'Ready'), GOES_ON, 'it is no failure');
  assert.equal(await kubectl('get', 'deploy/default-receiver', '-o', 'jsonpath={.spec.replicas}'), '1');
  await scene.apply(gateway(atEdge('default'), open));
  await scene.statuses.until(
    'the trouble is over',
    'MailGateway',
    scene.edge,
    'default',
    (it) => it.status?.observedGeneration === it.metadata.generation && light(it, 'VolumeNotShareable') === undefined,
  );
});

test('a claim that cannot be smaller is told on the archive, with the words of the server; all else goes on', {
  skip,
}, async () => {
  await scene.apply(archive(atEdge('mail'), { size: '5Gi' }));
  const shown = await scene.shows('MailArchive', atEdge('mail'), 'False ObjectRefused');
  assert.match(words(shown), /PersistentVolumeClaim "mail-mail" is invalid: spec: .*immutable/);
  await scene.apply(journal(atTenant('meanwhile'), atEdge('default')));
  const connection = await scene.shows('ArchiveConnection', atTenant('meanwhile'), GOES_ON);
  const bucket = connectionsSecretName('default-receiver', bucketOf(connection.metadata.uid));
  await kubectl('wait', '--for=create', `secret/${bucket}`, SOON);

  await scene.apply(archive(atEdge('mail')));
  await scene.shows('MailArchive', atEdge('mail'), GOES_ON);
});

for (const [kind, counted] of [
  ['Deployments', 'count/deployments.apps'],
  ['Secrets', 'count/secrets'],
] as const) {
  test(`a quota that leaves no room for ${kind} is told on the gateway, and it heals when that goes`, {
    skip,
  }, async () => {
    const name = kind.toLowerCase();
    await kubectl('create', 'quota', name, `--hard=${counted}=0`);
    await kubectl('wait', `--for=jsonpath={.status.hard}`, `quota/${name}`, SOON);
    await scene.apply(gateway(atEdge(name), open));
    const shown = await scene.shows('MailGateway', atEdge(name), 'False ObjectRefused');
    assert.match(words(shown), /exceeded quota/);
    await kubectl('delete', 'quota', name);
    // Its Secrets are looked at twice a minute; a change of the manifest has them looked at now.
    await scene.apply(gateway(atEdge(name), { ...open, description: 'now there is room' }));
    await scene.shows('MailGateway', atEdge(name), GOES_ON);
    await kubectl('wait', '--for=create', `deploy/${name}-receiver`, SOON);
  });
}
