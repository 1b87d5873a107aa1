/** Passwords that are missing or not meant for the host: the commands in the words are run as they are printed there. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { requirements } from './cluster.ts';
import { outcomeOf } from './command.ts';
import { done, words } from './installed-mailhold.ts';
import { archive, gateway, mailbox, type Names } from './operator-manifests.ts';
import { type OperatorScene, operatorScene } from './operator-scene.ts';

const skip = (await requirements({ node: false })) ?? false;
const PASSWORD = 'correct horse battery staple';
const GOES_ON = 'Unknown Progressing';

let scene: OperatorScene;
let edge: Names;
let folder: string;
const atTenant = (name: string): Names => ({ namespace: scene.tenant, name });

before(async () => {
  if (skip) return;
  scene = await operatorScene('secrets');
  edge = { namespace: scene.edge, name: 'default' };
  folder = await mkdtemp(join(tmpdir(), 'mailhold-password-'));
  await writeFile(join(folder, 'FILE'), `${PASSWORD}\n`);
  await scene.apply(
    archive({ ...edge, name: 'mail' }),
    gateway(edge, { allowedNamespaces: { from: 'Selected', names: [scene.tenant] } }),
  );
});

after(async () => {
  if (skip) return;
  await rm(folder, { recursive: true });
  await using _ = scene;
  await scene.check();
});

test('a Secret that is missing is made by the printed command, and a change of the connection has it read', {
  skip,
}, async () => {
  const name = 'forgotten';
  await scene.apply(mailbox(atTenant(name), edge));
  const shown = await scene.shows('ArchiveConnection', atTenant(name), 'False SecretNotFound');
  await run(/(kubectl create .*)$/.exec(words(shown))?.[1]);
  await scene.kubectl('patch', 'ac', name, '-n', scene.tenant, '--type=merge', '-p', '{"spec":{"description":"x"}}');
  await scene.shows('ArchiveConnection', atTenant(name), GOES_ON);
});

test('a Secret that is for no host is sent nowhere, and the printed command mends it', { skip }, async () => {
  const name = 'careless';
  const { tenant } = scene;
  await scene.kubectl('create', 'secret', 'generic', name, '-n', tenant, `--from-literal=password=${PASSWORD}`);
  await scene.kubectl('annotate', 'secret', name, '-n', tenant, 'mailhold.dev/host=mail.example.com');
  await scene.apply(mailbox(atTenant(name), edge));
  const shown = await scene.shows('ArchiveConnection', atTenant(name), 'False SecretNotForHost');
  const configured = await scene.kubectl('get', 'secrets', '-n', edge.namespace, '-o', 'yaml');
  await run(/(kubectl annotate .*)$/.exec(words(shown))?.[1]);
  await scene.kubectl('annotate', 'ac', name, '-n', tenant, 'mailhold.dev/test-requested-at=1');
  const hosts = await scene.kubectl(
    ...['get', 'secret', name, '-n', tenant, '-o', 'jsonpath={.metadata.annotations.mailhold\\.dev/host}'],
  );
  assert.equal(hosts, 'mail.example.com,imap.example.com', 'the host that it had stays');
  await scene.shows('ArchiveConnection', atTenant(name), GOES_ON);

  const uid = shown.metadata.uid;
  const entries = [...configured.matchAll(/entries\.json: (\S+)/g)].map(([, text = '']) => atob(text)).join();
  assert.ok(!entries.includes(uid), 'no worker was given it before');
});

test('no password is in a status, a log, a metric or an Event', { skip }, async () => {
  const { tenant, statuses, operator } = scene;
  const versions = ['forgotten', 'careless'].flatMap((name) => statuses.versions('ArchiveConnection', tenant, name));
  const events = await scene.kubectl('get', 'events', '-n', tenant, '-o', 'json');
  assert.match(events, /SecretNotForHost/);
  const shown = [JSON.stringify(versions), JSON.stringify(operator.log), await operator.metrics(), events].join();
  assert.ok(!shown.includes(PASSWORD));
  assert.ok(!shown.includes(btoa(PASSWORD)));
});

/** In a shell, as somebody would who pastes it, and who has the password in a file of that name. */
async function run(command: string | undefined): Promise<void> {
  const { kubectl } = scene.cluster.programs;
  const env = {
    PATH: [dirname(kubectl), process.env.PATH].join(delimiter),
    KUBECONFIG: scene.cluster.kubeconfig,
    HOME: folder,
  };
  done(await outcomeOf('sh', ['-c', `cd ${folder} && ${command ?? 'false'}`], { env }));
}
