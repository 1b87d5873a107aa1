import { createHash } from 'node:crypto';
import type { MailArchive } from '../../api/mail-archive.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import { type AppliedObjects, createAppliedObjects } from '../../kube/applied-objects.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { KubeObject, Log } from '../../kube/types.ts';
import { keyOfObject } from '../../kube/types.ts';
import { configurationSecretNames } from '../../plan/children/configuration-secrets.ts';
import {
  type GatewayChildren,
  gatewayChildren,
  type WorkerGroupChildren,
} from '../../plan/children/gateway-children.ts';
import { GATEWAY_LABEL } from '../../plan/children/labels.ts';
import { keyOf, type PlannedGateway } from '../../plan/plan.ts';
import type { Clock } from '../clock.ts';
import { earliest } from '../earliest.ts';
import { keepOnly } from '../keep-only.ts';
import { type ConfigurationBursts, createConfigurationBursts } from './configuration-bursts.ts';
import { type Delivery, deliveryState, type Wanted, wantedDigest } from './delivery.ts';
import { typeOf, types } from './resource-types.ts';
import { MANAGER } from './secret-object.ts';
import { CHILD_TYPES, type Watched } from './watched.ts';
import type { WorkerPod, WorkerPods } from './worker-pods.ts';

export interface GatewayWorkloads {
  /** Whether anything changed that `bring` would look at, since this said so last. */
  isNews(planned: PlannedGateway, archive: MailArchive | undefined): boolean;
  /**
   * Brings all objects of a gateway to what is planned, and its configuration into its pods.
   *
   * @returns when to come again, in ms from now; absent where everything is as planned
   * @throws ApiError
   */
  bring(planned: PlannedGateway, archive: MailArchive | undefined): Promise<{ again?: number }>;
  /** Forgets gateways that are gone; their objects go with their owner. */
  keep(gateways: readonly MailGateway[]): void;
}

export interface GatewayWorkloadsOptions {
  client: KubeClient;
  watched: Pick<Watched, 'live' | 'children'>;
  pods: Pick<WorkerPods, 'of'>;
  delivery: Delivery;
  image: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  clock: Clock;
  log: Log;
}

/** What is remembered of one gateway. */
interface Known {
  applied: AppliedObjects;
  bursts: ConfigurationBursts;
  /** See `signatureOf`, of when `isNews` said so last. */
  signature?: string;
}

export function createGatewayWorkloads(options: GatewayWorkloadsOptions): GatewayWorkloads {
  const { client, watched, pods, delivery, image, imagePullPolicy, clock, log } = options;
  /** By uid. */
  const gateways = new Map<string, Known>();

  const knownOf = ({ metadata }: MailGateway): Known => {
    const known = gateways.get(metadata.uid) ?? {
      applied: createAppliedObjects(client, MANAGER),
      bursts: createConfigurationBursts(),
    };
    gateways.set(metadata.uid, known);
    return known;
  };
  const apply = async ({ applied }: Known, object: KubeObject): Promise<void> => {
    const type = typeOf(object.kind);
    await applied.bring({ type, object }, watched.live(type, keyOfObject(object)));
  };
  const writeConfiguration = async (
    { applied }: Known,
    { configuration }: WorkerGroupChildren,
    namespace: string,
  ): Promise<void> => {
    for (const name of configuration?.remove ?? []) await applied.remove(types.Secret, { namespace, name });
    for (const secret of configuration?.write ?? []) {
      await applied.bring({ type: types.Secret, object: secret }, 'unwatched');
    }
  };
  const childrenOf = ({ metadata }: MailGateway) =>
    CHILD_TYPES.flatMap((type) => watched.children(type).map((object) => ({ type, object }))).filter(
      ({ object }) =>
        object.metadata.namespace === metadata.namespace && object.metadata.labels?.[GATEWAY_LABEL] === metadata.name,
    );

  const removeOthers = async ({ applied }: Known, gateway: MailGateway, children: GatewayChildren): Promise<void> => {
    const { namespace, uid } = gateway.metadata;
    const wanted = new Set(objectsOf(children).map((object) => `${object.kind}/${object.metadata.name}`));
    for (const { type, object } of childrenOf(gateway)) {
      const { name, uid: own, ownerReferences, deletionTimestamp } = object.metadata;
      const owned = ownerReferences?.some((owner) => owner.uid === uid) ?? false;
      if (!owned || deletionTimestamp !== undefined || wanted.has(`${type.kind}/${name}`)) continue;
      // The Deployment goes last: while it is there, so is what tells that its Secrets are to go.
      for (const secret of type === types.Deployment ? configurationSecretNames(name) : []) {
        applied.doubt(types.Secret, { namespace, name: secret });
        await applied.remove(types.Secret, { namespace, name: secret });
      }
      await client.delete(type, { namespace, name }, { ...(own !== undefined && { uid: own }) });
      log.info('child-removed', { kind: type.kind, namespace, name });
    }
  };

  const podsOf = ({ group }: Wanted): WorkerPod[] =>
    pods.of(group.gateway, group.role, group.role === 'poller' ? group.shard.index : 0);

  const deliver = async ({ applied }: Known, planned: PlannedGateway, groups: readonly WorkerGroupChildren[]) => {
    const delivered = [];
    for (const wanted of groupsOf(planned)) delivered.push(await delivery.deliver(podsOf(wanted), wanted));
    if (delivered.some(({ doubtful }) => doubtful)) {
      for (const { metadata } of groups.map(({ deployment }) => deployment)) {
        for (const name of configurationSecretNames(metadata.name)) {
          applied.doubt(types.Secret, { namespace: planned.gateway.metadata.namespace, name });
        }
      }
    }
    const again = earliest(delivered.map((it) => it.again));
    return again === undefined ? {} : { again };
  };

  /** Everything that `bring` depends on, in few words. */
  const signatureOf = (planned: PlannedGateway, archive: MailArchive | undefined): string =>
    JSON.stringify([
      [planned.gateway.metadata.generation, archive?.metadata.uid, archive?.metadata.generation],
      [planned.replicas, planned.shareable, digestOf(planned)],
      childrenOf(planned.gateway).map(({ object }) => object.metadata.resourceVersion),
      groupsOf(planned).flatMap((wanted) =>
        podsOf(wanted).map((it) => [it.pod.metadata.uid, deliveryState(it, wanted)]),
      ),
    ]);

  return {
    isNews: (planned, archive) => {
      const known = knownOf(planned.gateway);
      const signature = signatureOf(planned, archive);
      if (known.signature === signature) return false;
      known.signature = signature;
      return true;
    },
    bring: async (planned, archive) => {
      const { gateway, replicas, shareable } = planned;
      const { namespace } = gateway.metadata;
      const known = knownOf(gateway);
      const from = { gateway, image, imagePullPolicy, replicas, shareable, plan: planned };
      const children = gatewayChildren({ ...from, ...(archive !== undefined && { archive }) });
      await apply(known, children.serviceAccount);
      await apply(known, children.service);
      const { workers, disruptionBudget } = children;
      if (workers === undefined) return {};

      const digest = digestOf(planned);
      const wait = known.bursts.waitFor(digest, clock.monotonic());
      if (wait > 0) return { again: wait };
      const groups = [workers.receiver, ...workers.pollers];
      for (const group of groups) {
        await writeConfiguration(known, group, namespace);
        await apply(known, group.deployment);
      }
      const isNew = known.bursts.wrote(digest, clock.monotonic());
      if (isNew) log.info('configuration-written', { gateway: keyOf(gateway), digest });
      if (disruptionBudget !== undefined) await apply(known, disruptionBudget);
      await removeOthers(known, gateway, children);
      return await deliver(known, planned, groups);
    },
    keep: (present) => {
      const uids = new Set(present.map(({ metadata }) => metadata.uid));
      keepOnly(gateways, uids);
    },
  };
}

function groupsOf({ receiver, receiverEntries, pollers, pollerEntries }: PlannedGateway): Wanted[] {
  return [
    ...(receiver ? [{ group: receiver, entries: receiverEntries }] : []),
    ...pollers.map((group, shard) => ({ group, entries: pollerEntries[shard] ?? [] })),
  ];
}

function objectsOf({ serviceAccount, service, workers, disruptionBudget }: GatewayChildren): KubeObject[] {
  return [
    serviceAccount,
    service,
    ...(disruptionBudget ? [disruptionBudget] : []),
    ...(workers ? [workers.receiver.deployment, ...workers.pollers.map(({ deployment }) => deployment)] : []),
  ];
}

/** Of everything that the workers of a gateway are to serve. */
function digestOf(planned: PlannedGateway): string {
  const digests = groupsOf(planned).map(wantedDigest).join('-');
  return createHash('sha256').update(digests).digest('hex').slice(0, 16);
}
