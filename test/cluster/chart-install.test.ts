import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { FIRST_GATEWAY } from './chart-values.ts';
import { type Cluster, requirements, startCluster } from './cluster.ts';
import { CHART, NAMESPACE, type Outcome, RELEASE, template } from './rendered-chart.ts';

const skip = (await requirements({ node: false })) ?? false;
const TENANT = 'chart-tenant';
/** Where the cluster has a node, no operator is to start: it would serve other tests' objects too. */
const VALUES = { ...FIRST_GATEWAY, image: { tag: 'none', pullPolicy: 'Never' } };

let cluster: Cluster;

before(async () => {
  if (skip) return;
  cluster = await startCluster({ node: false });
  done(await cluster.kubectl(['create', 'namespace', NAMESPACE]));
  done(await cluster.kubectl(['label', 'namespace', NAMESPACE, 'pod-security.kubernetes.io/enforce=restricted']));
  done(await cluster.kubectl(['create', 'namespace', TENANT]));
});
after(async () => {
  if (skip) return;
  await cluster.helm(['uninstall', RELEASE, '--namespace', NAMESPACE, '--ignore-not-found']);
  await cluster.kubectl(['delete', 'namespace', NAMESPACE, TENANT, '--wait=false']);
  await cluster[Symbol.asyncDispose]();
});

test('helm install, upgrade, uninstall and install again: the archive stays', { skip }, async () => {
  const helm = (command: string, ...set: string[]) =>
    cluster.helm(
      [command, RELEASE, CHART, '--namespace', NAMESPACE, '-f', '-', ...set.flatMap((it) => ['--set', it])],
      {
        input: JSON.stringify(VALUES),
      },
    );
  done(await helm('install'));
  const uid = await archiveUid();

  done(await helm('upgrade', 'operator.logLevel=warn', 'archive.reserve=2Gi', 'gateway.name=edge'));
  assert.match(done(await get('deployment', RELEASE)), /--log-level=warn/);
  assert.match(done(await get('mailarchive', 'main')), /reserve: 2Gi/);
  assert.match(done(await get('mailgateway', 'edge')), /name: edge/);
  assert.match((await get('mailgateway', 'default')).stderr, /not found/);

  const { stdout } = await cluster.helm(['uninstall', RELEASE, '--namespace', NAMESPACE]);
  assert.match(stdout, /kept[\s\S]*MailArchive/);
  assert.match((await get('deployment', RELEASE)).stderr, /not found/);

  done(await helm('install'));
  assert.equal(await archiveUid(), uid);
});

test('what it says next is what the API server takes', { skip }, async () => {
  const notes = done(await cluster.helm(['get', 'notes', RELEASE, '--namespace', NAMESPACE]));
  const manifest = notes.match(/<<END\n([\s\S]*?)\nEND\n/)?.[1] ?? '';
  assert.match(manifest, /kind: ArchiveConnection/);
  const args = ['create', '--dry-run=server', '--validate=strict', '-f', '-'];
  assert.match(done(await cluster.kubectl(args, { input: manifest })), /archiveconnection\S* .*created/);
});

test('the API server knows every field of what the chart makes', { skip }, async () => {
  const values = {
    ...VALUES,
    connectionNamespaces: [TENANT],
    operator: { tolerations: [{ operator: 'Exists' }], podLabels: { team: 'mail' }, nodeSelector: { disk: 'ssd' } },
  };
  const input = done(await template(cluster, values));
  const args = ['apply', '--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict', '-f', '-'];
  const { code, stderr } = await cluster.kubectl(args, { input });
  assert.deepEqual([code, stderr], [0, '']);
});

/** Whether the operator may do it, as the API server decides. */
const DECISIONS: [may: boolean, verb: string, resource: string, namespace: string][] = [
  [true, 'get', 'secrets', TENANT],
  [false, 'list', 'secrets', TENANT],
  [false, 'watch', 'secrets', NAMESPACE],
  [false, 'create', 'secrets', TENANT],
  [true, 'create', 'secrets', NAMESPACE],
  [true, 'patch', 'archiveconnections/status', TENANT],
  [false, 'patch', 'archiveconnections', TENANT],
  [true, 'update', 'mailgateways/finalizers', NAMESPACE],
  [true, 'create', 'events.events.k8s.io', TENANT],
  [true, 'create', 'deployments.apps', NAMESPACE],
  [false, 'create', 'deployments.apps', TENANT],
  [false, 'delete', 'persistentvolumeclaims', NAMESPACE],
  [false, 'create', 'pods', NAMESPACE],
  [true, 'update', 'leases.coordination.k8s.io', NAMESPACE],
  [false, 'get', 'leases.coordination.k8s.io', TENANT],
  [true, 'watch', 'servicecidrs.networking.k8s.io', ''],
];

for (const [may, verb, resource, namespace] of DECISIONS) {
  const where = namespace === '' ? '' : ` in ${namespace}`;
  test(`the operator may${may ? '' : ' not'} ${verb} ${resource}${where}`, { skip }, async () => {
    const account = `--as=system:serviceaccount:${NAMESPACE}:${RELEASE}`;
    const [name = '', subresource] = resource.split('/');
    const sub = subresource === undefined ? [] : [`--subresource=${subresource}`];
    const scope = namespace === '' ? [] : ['--namespace', namespace];
    const { stdout } = await cluster.kubectl(['auth', 'can-i', verb, name, ...sub, ...scope, account]);
    assert.equal(stdout.trim(), may ? 'yes' : 'no');
  });
}

async function archiveUid(): Promise<string> {
  const path = 'jsonpath={.metadata.uid}';
  return done(await cluster.kubectl(['get', 'mailarchive', 'main', '--namespace', NAMESPACE, '-o', path]));
}

function get(resource: string, name: string): Promise<Outcome> {
  return cluster.kubectl(['get', resource, name, '--namespace', NAMESPACE, '-o', 'yaml']);
}

function done({ code, stdout, stderr }: Outcome): string {
  assert.equal(code, 0, stderr);
  return stdout;
}
