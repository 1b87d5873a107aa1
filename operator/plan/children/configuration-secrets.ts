import type { ConnectionBucket, ConnectionEntry, WorkerGroup } from '../../../workers/process/contract.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import { BUCKETS, bucketOf } from '../bucket.ts';
import { canonicalJSON } from '../revision.ts';
import type { Secret } from './child-object.ts';
import { type WorkerRole, workerLabels } from './labels.ts';
import { connectionsSecretName, groupSecretName } from './names.ts';
import { ownedBy } from './owner.ts';

/** The configuration of one group of workers as Secrets. */
export interface ConfigurationSecrets {
  /** To be applied in this order: entries before the group, so that a worker that finds its group finds its connections. */
  write: Secret[];
  /** Names of Secrets that are not to be there, since their bucket is empty: to be deleted where they are. */
  remove: string[];
}

/**
 * Writes out a group's configuration in the layout that workers/process/contract.ts describes. Equal input gives equal
 * bytes, whatever the order of entries and fields. Receivers' entries hold no mailbox password by their type.
 *
 * @param workload name of the group's Deployment
 */
export function configurationSecrets(
  gateway: MailGateway,
  workload: string,
  group: WorkerGroup,
  entries: readonly ConnectionEntry[],
): ConfigurationSecrets {
  const role: WorkerRole =
    group.role === 'receiver' ? { component: 'receiver' } : { component: 'poller', shard: group.shard.index };
  const secret = (name: string, file: string, content: WorkerGroup | ConnectionBucket): Secret => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name,
      namespace: gateway.metadata.namespace,
      labels: workerLabels(gateway.metadata.name, role),
      ownerReferences: ownedBy(gateway),
    },
    type: 'Opaque',
    data: { [file]: Buffer.from(`${canonicalJSON(content)}\n`).toString('base64') },
  });

  const buckets = Map.groupBy(entries, ({ uid }) => bucketOf(uid));
  const result: ConfigurationSecrets = { write: [], remove: [] };
  for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
    const name = connectionsSecretName(workload, bucket);
    const inBucket = buckets.get(bucket)?.toSorted((a, b) => (a.uid < b.uid ? -1 : 1));
    if (inBucket === undefined) result.remove.push(name);
    else result.write.push(secret(name, 'entries.json', { version: 1, entries: inBucket }));
  }
  result.write.push(secret(groupSecretName(workload), 'config.json', group));
  return result;
}

/** Names of all Secrets that a group of workers may have: what is left to delete where a shard goes. */
export function configurationSecretNames(workload: string): string[] {
  const buckets = Array.from({ length: BUCKETS }, (_, bucket) => connectionsSecretName(workload, bucket));
  return [...buckets, groupSecretName(workload)];
}
