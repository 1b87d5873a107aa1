/**
 * Names of the objects that belong to a gateway or an archive. A gateway's own name has at most 40 characters, so that
 * every name that must be a DNS label (at most 63, RFC 1035) is one. No name of one gateway is also one of another,
 * whatever the two are called.
 */

/** The receivers' Deployment, Service and disruption budget. */
export function receiverName(gateway: string): string {
  return `${gateway}-receiver`;
}

/** The Deployment of the poller of one shard, from 0. */
export function pollerName(gateway: string, shard: number): string {
  return `${gateway}-poller-${shard}`;
}

/** The ServiceAccount of all workers. */
export function workersName(gateway: string): string {
  return `${gateway}-workers`;
}

/** The Secret with the keys that workers prove themselves with towards the operator: tls.crt, tls.key, ca.crt. */
export function statusTLSName(gateway: string): string {
  return `${gateway}-status-tls`;
}

/**
 * The Secret with the configuration of a group of workers.
 *
 * @param workload name of the group's Deployment
 */
export function groupSecretName(workload: string): string {
  return `${workload}-group`;
}

/**
 * The Secret with the connections of one bucket, 0 to 15.
 *
 * @param workload name of the group's Deployment
 */
export function connectionsSecretName(workload: string, bucket: number): string {
  return `${workload}-${connectionsFolder(bucket)}`;
}

/** The folder that a bucket's Secret is mounted as (workers/process/contract.ts). */
export function connectionsFolder(bucket: number): string {
  return `connections-${String(bucket).padStart(2, '0')}`;
}
