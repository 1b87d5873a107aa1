import type {
  PollerConnection,
  PollerGroup,
  ReceiverConnection,
  ReceiverGroup,
} from '../../../workers/process/contract.ts';
import type { MailArchive } from '../../api/mail-archive.ts';
import type { Deployment, PodDisruptionBudget, Service, ServiceAccount } from './child-object.ts';
import { type ConfigurationSecrets, configurationSecrets } from './configuration-secrets.ts';
import { disruptionBudget } from './disruption-budget.ts';
import type { WorkerSettings } from './pod-template.ts';
import { pollerDeployment } from './poller-deployment.ts';
import { receiverDeployment } from './receiver-deployment.ts';
import { receiverService } from './receiver-service.ts';
import { serviceAccount } from './service-account.ts';

export interface GatewayChildrenInput extends Omit<WorkerSettings, 'archive'> {
  /** The archive that the gateway names, where it exists. */
  archive?: MailArchive;
  /** Receivers that may really run: one where the volume cannot be shared. */
  replicas: number;
  /** What the gateway's workers are to serve, as it was planned. */
  plan: {
    receiver?: ReceiverGroup;
    receiverEntries: readonly ReceiverConnection[];
    /** By shard. */
    pollers: readonly PollerGroup[];
    pollerEntries: readonly (readonly PollerConnection[])[];
  };
}

/** One group of workers: pods that serve the same configuration. */
export interface WorkerGroupChildren {
  /** Absent where the group cannot be planned now: what is there stays as it is. */
  configuration?: ConfigurationSecrets;
  deployment: Deployment;
}

/**
 * What belongs to a gateway, in the order of application. The claim is not among it: it belongs to the archive
 * (claim.ts). Nor are the Secrets with keys, which are made once and not planned.
 */
export interface GatewayChildren {
  serviceAccount: ServiceAccount;
  service: Service;
  /** Absent without an archive, since nothing could be kept: workers that run are left as they are. */
  workers?: {
    receiver: WorkerGroupChildren;
    /** By shard. Pollers of any other shard are to be deleted, and their Secrets with them. */
    pollers: WorkerGroupChildren[];
  };
  /** Where there are workers but no budget, one of an earlier time, which has the name of the Service, is to be deleted. */
  disruptionBudget?: PodDisruptionBudget;
}

/** All objects of one gateway. Equal input gives equal objects. */
export function gatewayChildren(input: GatewayChildrenInput): GatewayChildren {
  const { gateway, archive, replicas } = input;
  const budget = disruptionBudget(gateway, replicas);
  return {
    serviceAccount: serviceAccount(gateway),
    service: receiverService(gateway),
    ...(archive !== undefined && {
      workers: {
        receiver: receiver({ ...input, archive }),
        pollers: Array.from({ length: gateway.spec.poller.shards ?? 1 }, (_, shard) =>
          poller({ ...input, archive }, shard),
        ),
      },
    }),
    ...(budget !== undefined && { disruptionBudget: budget }),
  };
}

type WithArchive = GatewayChildrenInput & WorkerSettings;

function receiver(input: WithArchive): WorkerGroupChildren {
  const { gateway, plan, replicas } = input;
  const deployment = receiverDeployment(input, replicas);
  const { name } = deployment.metadata;
  return {
    ...(plan.receiver && { configuration: configurationSecrets(gateway, name, plan.receiver, plan.receiverEntries) }),
    deployment,
  };
}

function poller(input: WithArchive, shard: number): WorkerGroupChildren {
  const { gateway, plan } = input;
  const group = plan.pollers[shard];
  const deployment = pollerDeployment(input, shard);
  const { name } = deployment.metadata;
  return {
    ...(group && { configuration: configurationSecrets(gateway, name, group, plan.pollerEntries[shard] ?? []) }),
    deployment,
  };
}
