import type { Cluster } from './cluster.ts';

/** The namespaces of examples/kubernetes, which the documentation uses. */
export const NAMESPACES = ['contoso', 'fabrikam', 'mailhold'] as const;

const TIMEOUT = '--timeout=120s';

/**
 * Takes away what the documentation has a reader install, also where that stopped half way.
 *
 * @param wait whether the namespaces are to be gone when this resolves
 */
export async function removeMailhold({ helm, kubectl }: Cluster, wait: boolean): Promise<void> {
  await helm(['uninstall', 'mailhold', '--namespace', 'mailhold', '--ignore-not-found', '--wait']);
  // A worker that is asked to end goes on for a while for its senders; nobody sends any more.
  await kubectl(['delete', 'deployment', '--all', '--namespace', 'mailhold', TIMEOUT]);
  await kubectl(['delete', 'pod', '--all', '--namespace', 'mailhold', '--grace-period=1', TIMEOUT]);
  const how = wait ? TIMEOUT : '--wait=false';
  const { code, stderr } = await kubectl(['delete', 'namespace', ...NAMESPACES, '--ignore-not-found', how]);
  if (code !== 0) throw new Error(stderr);
}
