import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Cluster, requirements, startCluster } from './cluster.ts';
import { find, NAMESPACE, type Rendered, render } from './rendered-chart.ts';

const skip = (await requirements({ node: false })) ?? false;

let cluster: Cluster;

before(async () => {
  if (!skip) cluster = await startCluster({ node: false });
});
after(async () => {
  if (!skip) await cluster[Symbol.asyncDispose]();
});

/** Everywhere, whatever the values. */
const EVERYWHERE = [
  'apiextensions.k8s.io/customresourcedefinitions: get list watch',
  'core/events: create patch',
  'core/namespaces: get list watch',
  'core/nodes: get list watch',
  'events.k8s.io/events: create patch',
  'mailhold.dev/archiveconnections/status: get patch',
  'mailhold.dev/archiveconnections: get list watch',
  'mailhold.dev/mailarchives/finalizers: update',
  'mailhold.dev/mailarchives/status: get patch',
  'mailhold.dev/mailarchives: get list watch',
  'mailhold.dev/mailgateways/finalizers: update',
  'mailhold.dev/mailgateways/status: get patch',
  'mailhold.dev/mailgateways: get list watch',
  'networking.k8s.io/servicecidrs: get list watch',
];

const IN_NAMESPACES_OF_GATEWAYS = [
  'apps/deployments: get list watch create patch delete',
  'core/persistentvolumeclaims: get list watch create patch',
  'core/pods: get list watch patch delete',
  'core/secrets: get create patch delete',
  'core/serviceaccounts: get list watch create patch delete',
  'core/services: get list watch create patch delete',
  'policy/poddisruptionbudgets: get list watch create patch delete',
];

const IN_ITS_OWN = [
  'coordination.k8s.io/leases: get create update patch',
  'core/secrets mailhold-worker-authority: get patch',
  'core/secrets: create',
];

const CASES: { what: string; values: object; granted: Record<string, string[]> }[] = [
  {
    what: 'without values: Secrets by name everywhere, gateways in its own namespace',
    values: {},
    granted: {
      everywhere: [...EVERYWHERE, 'core/secrets: get'],
      [NAMESPACE]: [...IN_ITS_OWN, ...IN_NAMESPACES_OF_GATEWAYS],
    },
  },
  {
    what: 'with namespaces named: Secrets and workloads there, and nowhere else',
    values: { gatewayNamespaces: ['edge', 'lab'], connectionNamespaces: ['contoso'] },
    granted: {
      everywhere: EVERYWHERE,
      [NAMESPACE]: IN_ITS_OWN,
      edge: IN_NAMESPACES_OF_GATEWAYS,
      lab: IN_NAMESPACES_OF_GATEWAYS,
      contoso: ['core/secrets: get'],
    },
  },
];

for (const { what, values, granted } of CASES) {
  test(`the operator may do this and nothing else, ${what}`, { skip }, async () => {
    const expected = Object.fromEntries(Object.entries(granted).map(([where, rules]) => [where, rules.toSorted()]));
    assert.deepEqual(grantedTo(await render(cluster, values)), expected);
  });
}

test("the cluster's own roles may do this with the kinds", { skip }, async () => {
  const objects = await render(cluster);
  const roles = ['view', 'edit', 'admin'].map((name) => {
    const role = find(objects, 'ClusterRole', `mailhold-${name}`);
    const into = Object.keys(role.metadata.labels).filter((label) => label.includes('aggregate-to'));
    return [into.map((label) => label.replace(/.*aggregate-to-/, '')), rulesOf(role)];
  });
  assert.deepEqual(roles, [
    [
      ['view', 'edit', 'admin'],
      [
        'mailhold.dev/archiveconnections: get list watch',
        'mailhold.dev/mailarchives: get list watch',
        'mailhold.dev/mailgateways: get list watch',
      ],
    ],
    [['edit', 'admin'], ['mailhold.dev/archiveconnections: create update patch delete deletecollection']],
    [
      ['admin'],
      [
        'mailhold.dev/mailarchives: create update patch delete deletecollection',
        'mailhold.dev/mailgateways: create update patch delete deletecollection',
      ],
    ],
  ]);
});

/** What the operator's account may do, by namespace. */
function grantedTo(objects: readonly Rendered[]): Record<string, string[]> {
  const account = { kind: 'ServiceAccount', name: 'mailhold', namespace: NAMESPACE };
  const granted: Record<string, string[]> = {};
  for (const { kind, metadata, roleRef, subjects } of objects) {
    if (roleRef === undefined) continue;
    assert.deepEqual(subjects, [account], `${kind} ${metadata.name} is for the operator alone`);
    const role = objects.find(
      (it) =>
        it.kind === roleRef.kind &&
        it.metadata.name === roleRef.name &&
        (it.kind === 'ClusterRole' || it.metadata.namespace === metadata.namespace),
    );
    assert.ok(role !== undefined, `${kind} ${metadata.name} names a role that is there`);
    const where = kind === 'ClusterRoleBinding' ? 'everywhere' : (metadata.namespace ?? '');
    granted[where] = [...(granted[where] ?? []), ...rulesOf(role)].sort();
  }
  return granted;
}

/** One line for each resource; with the names of objects, where a rule is for those alone. */
function rulesOf({ rules = [] }: Rendered): string[] {
  return rules
    .flatMap(({ apiGroups, resources, resourceNames = [], verbs }) =>
      apiGroups.flatMap((group) =>
        resources.map((it) => `${group || 'core'}/${[it, ...resourceNames].join(' ')}: ${verbs.join(' ')}`),
      ),
    )
    .sort();
}
