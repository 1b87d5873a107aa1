import { spawnSync } from 'node:child_process';
import { cannotBuild } from './binaries.ts';

/**
 * Why no cluster of this kind can run here, in one sentence, or undefined. Tests pass it as `skip`, so that they are left
 * out by name.
 *
 * @param node whether pods are to run
 */
export async function requirements({ node }: { node: boolean }): Promise<string | undefined> {
  // A cluster that runs already asks for nothing.
  if (process.env.MAILHOLD_TEST_CLUSTER) return undefined;
  const why = process.platform === 'linux' ? (missingTools(node) ?? (await cannotBuild(node))) : 'it needs Linux';
  return why === undefined
    ? undefined
    : `not run: no ${node ? 'Kubernetes node' : 'Kubernetes API server'} here: ${why}`;
}

function missingTools(node: boolean): string | undefined {
  if (node && process.getuid?.() !== 0) return 'a node needs root, for namespaces and containers';
  const tools = ['flock', 'setpriv'];
  const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
  return missing.length === 0 ? undefined : `${missing.join(', ')} (Debian package util-linux) is missing`;
}
