import type { Deployment } from './child-object.ts';
import { podSelector, type WorkerRole, workerLabels } from './labels.ts';
import { pollerName } from './names.ts';
import { ownedBy } from './owner.ts';
import { podTemplate, type WorkerSettings } from './pod-template.ts';

/**
 * The poller of one shard. It is always one pod, and the old one ends before the new one starts: two would poll the same
 * mailboxes.
 *
 * @param shard from 0
 */
export function pollerDeployment(settings: WorkerSettings, shard: number): Deployment {
  const { gateway } = settings;
  const { name, namespace } = gateway.metadata;
  const role: WorkerRole = { component: 'poller', shard };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: pollerName(name, shard),
      namespace,
      labels: workerLabels(name, role),
      ownerReferences: ownedBy(gateway),
    },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 3,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: podSelector(name, role) },
      template: podTemplate(settings, { role, workload: pollerName(name, shard) }),
    },
  };
}
