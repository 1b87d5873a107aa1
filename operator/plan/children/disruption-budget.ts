import type { MailGateway } from '../../api/mail-gateway.ts';
import type { PodDisruptionBudget } from './child-object.ts';
import { podSelector, workerLabels } from './labels.ts';
import { receiverName } from './names.ts';
import { ownedBy } from './owner.ts';

/**
 * Lets a drain take one receiver at a time, where there are several. With a single one there is none: it would forbid
 * every drain of that node, and senders wait out a restart anyway.
 *
 * @param replicas receivers that really run
 * @returns undefined where there is to be none, and one of an earlier time is to be deleted
 */
export function disruptionBudget(gateway: MailGateway, replicas: number): PodDisruptionBudget | undefined {
  if (replicas <= 1) return undefined;
  const { name, namespace } = gateway.metadata;
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: {
      name: receiverName(name),
      namespace,
      labels: workerLabels(name, { component: 'receiver' }),
      ownerReferences: ownedBy(gateway),
    },
    spec: {
      maxUnavailable: 1,
      selector: { matchLabels: podSelector(name, { component: 'receiver' }) },
      // A receiver that is not ready serves nobody; it must not keep a node from being drained.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  };
}
