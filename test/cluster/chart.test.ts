import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parse } from 'yaml';
import { readProject } from '../../image/configuration.ts';
import { restrictedViolations } from '../restricted-profile.ts';
import { CHART_VALUES, FIRST_GATEWAY } from './chart-values.ts';
import { type Cluster, requirements, startCluster } from './cluster.ts';
import { CHART, fieldAt, find, NAMESPACE, nested, render, template } from './rendered-chart.ts';

const ROOT = join(import.meta.dirname, '../..');
const skip = (await requirements({ node: false })) ?? false;

let cluster: Cluster;

before(async () => {
  if (!skip) cluster = await startCluster({ node: false });
});
after(async () => {
  if (!skip) await cluster[Symbol.asyncDispose]();
});

test('helm finds nothing to complain of', { skip }, async () => {
  const { code, stdout } = await cluster.helm(['lint', '--strict', CHART]);
  assert.equal(code, 0, stdout);
});

test('the chart has the version of the project, and the definitions that are generated', async () => {
  const { version } = await readProject(ROOT);
  const chart = parse(await readFile(join(CHART, 'Chart.yaml'), 'utf8'));
  assert.deepEqual([chart.version, chart.appVersion], [version, version]);
  const definitions = await readdir(join(ROOT, 'crds'));
  assert.deepEqual(await readdir(join(CHART, 'crds')), definitions);
  for (const name of definitions) {
    const [ours, charts] = await Promise.all(
      [ROOT, CHART].map((folder) => readFile(join(folder, 'crds', name), 'utf8')),
    );
    assert.equal(charts, ours, `charts/mailhold/crds/${name} is not crds/${name}: run make generate`);
  }
});

test('without values there is an operator, and no gateway', { skip }, async () => {
  const names = (await render(cluster)).map(({ kind, metadata: { namespace, name } }) =>
    namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`,
  );
  assert.deepEqual(names.sort(), [
    'ClusterRole mailhold',
    'ClusterRole mailhold-admin',
    'ClusterRole mailhold-edit',
    'ClusterRole mailhold-view',
    'ClusterRoleBinding mailhold',
    `Deployment ${NAMESPACE}/mailhold`,
    `Role ${NAMESPACE}/mailhold-gateways`,
    `Role ${NAMESPACE}/mailhold-own-namespace`,
    `RoleBinding ${NAMESPACE}/mailhold-gateways`,
    `RoleBinding ${NAMESPACE}/mailhold-own-namespace`,
    `ServiceAccount ${NAMESPACE}/mailhold`,
  ]);
});

for (const { path, value, object, gives } of CHART_VALUES) {
  test(`${path}: ${JSON.stringify(value)} gives ${Object.keys(gives).join(', ')}`, { skip }, async () => {
    const found = object(await render(cluster, merged(FIRST_GATEWAY, nested(path, value))));
    for (const [field, expected] of Object.entries(gives)) assert.deepEqual(fieldAt(found, field), expected, field);
  });
}

test('every value is in that table, and in the schema', async () => {
  const values = parse(await readFile(join(CHART, 'values.yaml'), 'utf8'));
  const tried = CHART_VALUES.flatMap(({ path, value }) => leaves(nested(path, value)));
  // The tables of a value that is one have keys of their own.
  const isTried = (leaf: string): boolean => tried.some((it) => it === leaf || it.startsWith(`${leaf}.`));
  assert.deepEqual(
    leaves(values).filter((leaf) => !isTried(leaf) && !leaf.startsWith('operator.resources.')),
    [],
  );

  const schema = JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8'));
  assert.deepEqual(looseObjects(schema), LOOSE);
  assert.deepEqual(
    Object.keys(values).sort(),
    Object.keys(schema.properties)
      .filter((it) => it !== 'global')
      .sort(),
  );
});

/** Where the schema leaves it to the API server what may stand there. */
const LOOSE = ['affinity', 'global', 'items', 'spec'];

test("the values of the first gateway's Service are those of a MailGateway", async () => {
  const schema = JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8'));
  const definition = parse(await readFile(join(ROOT, 'crds/mailhold.dev_mailgateways.yaml'), 'utf8'));
  const spec = fieldAt(definition, 'spec.versions.0.schema.openAPIV3Schema.properties.spec') ?? {};
  const service = fieldAt(spec, 'properties.receiver.properties.service.properties') ?? {};
  const ours = fieldAt(schema, 'properties.gateway.properties.service.properties') ?? {};
  assert.deepEqual(Object.keys(ours).sort(), Object.keys(service).sort());
  for (const field of ['type', 'externalTrafficPolicy', 'ipFamilyPolicy']) {
    assert.deepEqual(fieldAt(ours, `${field}.enum`), fieldAt(service, `${field}.enum`), field);
  }
});

const REFUSED: [values: object, words: RegExp][] = [
  [
    { image: { pullPolicy: 'Sometimes' } },
    /'\/image\/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'/,
  ],
  [{ gateway: { hostname: 'x' } }, /'\/gateway': additional properties 'hostname' not allowed/],
  [{ gatewayNamespace: 'x' }, /additional properties 'gatewayNamespace' not allowed/],
  [{ gatewayNamespaces: 'edge' }, /'\/gatewayNamespaces': got string, want array/],
  [{ archive: { size: '100GB' } }, /'\/archive\/size': '100GB' does not match pattern/],
  [{ gateway: { service: { type: 'ExternalName' } } }, /'\/gateway\/service\/type': value must be one of 'ClusterIP'/],
  [
    { gateway: { enabled: true }, archive: { size: '1Gi' } },
    /gateway\.hostName is needed: the name that senders connect/,
  ],
  [
    merged(FIRST_GATEWAY, { archive: { size: '' } }),
    /archive needs exactly one of archive\.size \(a claim that Mailhold/,
  ],
  [merged(FIRST_GATEWAY, { archive: { claimName: 'nfs' } }), /archive needs exactly one of archive\.size/],
  [
    merged(FIRST_GATEWAY, { archive: { size: '', claimName: 'nfs', storageClassName: 'fast' } }),
    /archive\.storageClassName and archive\.accessMode go with archive\.size/,
  ],
  [
    merged(FIRST_GATEWAY, { gateway: { allowedNamespaces: { from: 'Selected' } } }),
    /gateway\.allowedNamespaces\.names goes with from: Selected, and from: Selected needs at least one name/,
  ],
  [
    merged(FIRST_GATEWAY, { gateway: { allowedNamespaces: { names: ['contoso'] } } }),
    /gateway\.allowedNamespaces\.names goes with from: Selected/,
  ],
];

for (const [values, words] of REFUSED) {
  test(`${JSON.stringify(values)} is refused, with what to write`, { skip }, async () => {
    const { code, stderr } = await template(cluster, values);
    assert.equal(code, 1);
    assert.match(stderr, words);
  });
}

test('the operator is one pod of the restricted profile, which ends before the next begins', { skip }, async () => {
  const { spec } = find(await render(cluster), 'Deployment');
  assert.deepEqual(restrictedViolations(fieldAt(spec, 'template')), []);
  assert.deepEqual(fieldAt(spec, 'replicas'), 1);
  assert.deepEqual(fieldAt(spec, 'strategy'), { type: 'Recreate' });
  assert.equal(fieldAt(spec, 'template.spec.containers.0.securityContext.readOnlyRootFilesystem'), true);
  assert.deepEqual(fieldAt(spec, 'template.spec.containers.0.args'), [
    `--namespace=${NAMESPACE}`,
    `--gateway-namespaces=${NAMESPACE}`,
    '--image=mailhold:0.1.0',
    '--image-pull-policy=IfNotPresent',
    '--probes=[::]:8081',
    '--metrics=[::]:8080',
    '--log-level=info',
  ]);
});

test("an archive of one's own is named by the first gateway, and not made", { skip }, async () => {
  const objects = await render(cluster, merged(FIRST_GATEWAY, { archive: { enabled: false, name: 'ours', size: '' } }));
  assert.equal(fieldAt(find(objects, 'MailGateway', 'default'), 'spec.archiveRef.name'), 'ours');
  assert.ok(!objects.some(({ kind }) => kind === 'MailArchive'));
});

test("without rbac.aggregate the cluster's own roles stay as they are", { skip }, async () => {
  const objects = await render(cluster, { rbac: { aggregate: false } });
  assert.deepEqual(
    objects.filter(({ kind }) => kind === 'ClusterRole').map(({ metadata }) => metadata.name),
    ['mailhold'],
  );
});

test('a selector never changes with the version', { skip }, async () => {
  const { spec } = find(await render(cluster), 'Deployment');
  assert.deepEqual(fieldAt(spec, 'selector.matchLabels'), {
    'app.kubernetes.io/name': 'mailhold',
    'app.kubernetes.io/instance': 'mailhold',
    'app.kubernetes.io/component': 'operator',
  });
});

/** Paths of what is no object with fields: texts, numbers, lists, and objects that are empty. */
function leaves(value: unknown, path = ''): string[] {
  if (!isObject(value) || Object.keys(value).length === 0) return [path];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, path === '' ? key : `${path}.${key}`));
}

/** Names of what the schema takes any object for. */
function looseObjects(schema: unknown, name = ''): string[] {
  if (!isObject(schema)) return [];
  const loose = schema.type === 'object' && schema.additionalProperties === undefined ? [name] : [];
  const inner = Object.entries(schema).flatMap(([key, it]) => looseObjects(it, key));
  return [...new Set([...loose, ...inner])].sort();
}

function merged(one: object, other: object): Record<string, unknown> {
  const result: Record<string, unknown> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const before = result[key];
    result[key] = isObject(before) && isObject(value) ? merged(before, value) : value;
  }
  return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value instanceof Object && !Array.isArray(value);
}
