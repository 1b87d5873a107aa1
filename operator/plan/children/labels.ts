/** Which workers: the receivers, or the poller of one shard. */
export type WorkerRole = { component: 'receiver' } | { component: 'poller'; shard: number };

/** On everything that Mailhold makes. */
const OURS = { 'app.kubernetes.io/name': 'mailhold', 'app.kubernetes.io/managed-by': 'mailhold' };

export const GATEWAY_LABEL = 'mailhold.dev/gateway';
export const ARCHIVE_LABEL = 'mailhold.dev/archive';
export const SHARD_LABEL = 'mailhold.dev/shard';

/** Labels of what a gateway's workers share. */
export function gatewayLabels(gateway: string): Record<string, string> {
  return { ...OURS, 'app.kubernetes.io/instance': gateway, [GATEWAY_LABEL]: gateway };
}

/** Labels of what belongs to an archive and to no gateway. */
export function archiveLabels(archive: string): Record<string, string> {
  return { ...OURS, [ARCHIVE_LABEL]: archive };
}

/** Labels of the objects of one group of workers. */
export function workerLabels(gateway: string, role: WorkerRole): Record<string, string> {
  return {
    ...gatewayLabels(gateway),
    'app.kubernetes.io/component': role.component,
    ...(role.component === 'poller' && { [SHARD_LABEL]: String(role.shard) }),
  };
}

/**
 * Labels of the pods of one group of workers. The archive is among them, since pods of an archive whose volume one node
 * alone can mount look for each other by it (pod-template.ts).
 */
export function podLabels(gateway: string, role: WorkerRole, archive: string): Record<string, string> {
  return { ...workerLabels(gateway, role), [ARCHIVE_LABEL]: archive };
}

/** What selects the pods of one group. A Deployment's selector can never be changed: neither can this. */
export function podSelector(gateway: string, role: WorkerRole): Record<string, string> {
  return {
    'app.kubernetes.io/name': 'mailhold',
    'app.kubernetes.io/instance': gateway,
    'app.kubernetes.io/component': role.component,
    ...(role.component === 'poller' && { [SHARD_LABEL]: String(role.shard) }),
  };
}
