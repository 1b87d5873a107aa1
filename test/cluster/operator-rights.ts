import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cluster } from './cluster.ts';
import { done } from './installed-mailhold.ts';
import { type Release, type Rendered, render } from './rendered-chart.ts';

/** What the chart grants with. The rest of what it makes is the operator itself, which a test runs beside the cluster. */
const GRANTS = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'];
const TOKEN_LIFE = '1h';

export interface OperatorRights extends AsyncDisposable {
  /** Path of a kubeconfig with a token of the chart's ServiceAccount: whoever uses it may do what the chart lets it, no more. */
  readonly kubeconfig: string;
}

/**
 * Grants what the chart grants to its operator, and takes it back in the end.
 *
 * @param release its namespace is there already
 * @param gatewayNamespaces these too
 * @param folder that the kubeconfig is written to
 */
export async function operatorRights(
  cluster: Cluster,
  release: Release,
  gatewayNamespaces: readonly string[],
  folder: string,
): Promise<OperatorRights> {
  const objects = (await render(cluster, { gatewayNamespaces }, release)).filter(({ kind }) => GRANTS.includes(kind));
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  done(await cluster.kubectl(['apply', '-n', release.namespace, '-f', '-'], { input }));
  const account = accountOf(objects);
  const args = ['create', 'token', account, '-n', release.namespace, `--duration=${TOKEN_LIFE}`];
  const token = done(await cluster.kubectl(args)).trim();

  const config = JSON.parse(await readFile(cluster.kubeconfig, 'utf8')) as { users: { name: string }[] };
  const users = config.users.map(({ name }) => ({ name, user: { token } }));
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, JSON.stringify({ ...config, users }), { mode: 0o600 });
  return {
    kubeconfig,
    [Symbol.asyncDispose]: async () => {
      await cluster.kubectl(['delete', '-n', release.namespace, '--ignore-not-found', '-f', '-'], { input });
    },
  };
}

function accountOf(objects: readonly Rendered[]): string {
  const account = objects.find(({ kind }) => kind === 'ServiceAccount');
  if (account === undefined) throw new Error('the chart makes no ServiceAccount');
  return account.metadata.name;
}
