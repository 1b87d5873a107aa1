import type { Deployment } from './child-object.ts';
import { podSelector, workerLabels } from './labels.ts';
import { receiverName } from './names.ts';
import { ownedBy } from './owner.ts';
import { podTemplate, type WorkerSettings } from './pod-template.ts';

const ROLE = { component: 'receiver' } as const;
/** What the receiver listens on in a pod (operator/plan/worker-groups.ts); below 1024 it would need a capability. */
const SMTP_PORT = { name: 'smtp', containerPort: 2525 };
/** Nodes learn a little late that a pod ends, and send it connections until then. */
const PRE_STOP_SECONDS = 3;

/**
 * The receivers of a gateway. Where the volume can be shared, a rollout starts each new receiver before it ends an old
 * one; else the old one ends first, and senders wait.
 *
 * @param replicas receivers that may really run: one where the volume cannot be shared
 */
export function receiverDeployment(settings: WorkerSettings, replicas: number): Deployment {
  const { gateway, shareable } = settings;
  const { name, namespace } = gateway.metadata;
  const selector = { matchLabels: podSelector(name, ROLE) };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name: receiverName(name),
      namespace,
      labels: workerLabels(name, ROLE),
      ownerReferences: ownedBy(gateway),
    },
    spec: {
      replicas,
      revisionHistoryLimit: 3,
      strategy: shareable
        ? { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } }
        : { type: 'Recreate' },
      selector,
      template: podTemplate(settings, {
        role: ROLE,
        workload: receiverName(name),
        ports: [SMTP_PORT],
        preStopSeconds: PRE_STOP_SECONDS,
        ...(shareable && replicas > 1 && { spec: { topologySpreadConstraints: spread(selector) } }),
      }),
    },
  };
}

/** Over nodes and zones as far as there is room. Receivers of an earlier template do not count: they are about to go. */
function spread(labelSelector: Deployment['spec']['selector']) {
  return ['kubernetes.io/hostname', 'topology.kubernetes.io/zone'].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector,
    matchLabelKeys: ['pod-template-hash'],
  }));
}
