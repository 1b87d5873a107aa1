import { createHash } from 'node:crypto';
import type { MailArchive } from '../../api/mail-archive.ts';
import type { AppliedObjects } from '../../kube/applied-objects.ts';
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
import type { PlannedGateway } from '../../plan/plan.ts';
import type { Clock } from '../clock.ts';
import { type Delivery, serves, type Wanted } from './delivery.ts';
import { typeOf, types } from './resource-types.ts';
import { CHILD_TYPES, type Watched } from './watched.ts';
import type { WorkerPod, WorkerPods } from './worker-pods.ts';

/** Changes that come one after the other are written together: once it was quiet for so long, ... */
const QUIET_MS = 250;
/** ... at the latest after this time, and the first after a longer pause at once. */
const BURST_MS = 2_000;

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
}

export interface GatewayWorkloadsOptions {
  client: KubeClient;
  applied: AppliedObjects;
  watched: Watched;
  pods: WorkerPods;
  delivery: Delivery;
  image: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  clock: Clock;
  log: Log;
}

interface Burst {
  digest: string;
  since: number;
  changedAt: number;
}

export function createGatewayWorkloads(options: GatewayWorkloadsOptions): GatewayWorkloads {
  const { client, applied, watched, pods, delivery, clock, log } = options;
  /** By key of the gateway: of the configuration that was written last. */
  const written = new Map<string, { digest: string; at: number }>();
  const bursts = new Map<string, Burst>();

  const apply = (object: KubeObject): Promise<void> => {
    const type = typeOf(object.kind);
    return applied.bring({ type, object }, watched.live(type, keyOfObject(object)));
  };

  /** How long a changed configuration is to wait for more changes, in ms; 0: not at all. */
  const waitFor = (key: string, digest: string): number => {
    const now = clock.monotonic();
    const last = written.get(key);
    if (last?.digest === digest || last === undefined || now - last.at > BURST_MS) return 0;
    const known = bursts.get(key);
    const burst = known?.digest === digest ? known : { digest, since: known?.since ?? now, changedAt: now };
    bursts.set(key, burst);
    return Math.max(0, Math.min(burst.changedAt + QUIET_MS, burst.since + BURST_MS) - now);
  };

  const writeConfiguration = async ({ configuration }: WorkerGroupChildren, namespace: string): Promise<void> => {
    if (configuration === undefined) return;
    for (const name of configuration.remove) await applied.remove(types.Secret, { namespace, name });
    for (const secret of configuration.write) {
      await applied.bring({ type: types.Secret, object: secret }, 'unwatched');
    }
  };

  const removeOthers = async ({ gateway }: PlannedGateway, children: GatewayChildren): Promise<void> => {
    const { namespace, name, uid } = gateway.metadata;
    const wanted = new Set(objectsOf(children).map((object) => `${object.kind}/${object.metadata.name}`));
    for (const type of CHILD_TYPES) {
      for (const object of watched.children(type)) {
        const { metadata } = object;
        const ours = metadata.namespace === namespace && metadata.labels?.[GATEWAY_LABEL] === name;
        const owned = metadata.ownerReferences?.some((owner) => owner.uid === uid) ?? false;
        if (!ours || !owned || metadata.deletionTimestamp !== undefined) continue;
        if (wanted.has(`${type.kind}/${metadata.name}`)) continue;
        log.info('child-removed', { kind: type.kind, namespace, name: metadata.name });
        const own = metadata.uid;
        await client.delete(type, { namespace, name: metadata.name }, { ...(own !== undefined && { uid: own }) });
        if (type !== types.Deployment) continue;
        for (const secret of configurationSecretNames(metadata.name)) {
          applied.doubt(types.Secret, { namespace, name: secret });
          await applied.remove(types.Secret, { namespace, name: secret });
        }
      }
    }
  };

  const signatures = new Map<string, string>();
  /** Everything that `bring` depends on, in few words. */
  const signatureOf = (planned: PlannedGateway, archive: MailArchive | undefined): string => {
    const { metadata } = planned.gateway;
    const children = CHILD_TYPES.flatMap((type) => watched.children(type)).filter(
      (child) =>
        child.metadata.namespace === metadata.namespace && child.metadata.labels?.[GATEWAY_LABEL] === metadata.name,
    );
    const served = groupsOf(planned).flatMap((wanted) =>
      podsOf(wanted).map(({ pod, client: worker }) => [pod.metadata.uid, serves(worker?.facts, wanted)]),
    );
    return JSON.stringify([
      [metadata.uid, metadata.generation, archive?.metadata.uid, archive?.metadata.generation],
      [planned.replicas, planned.shareable, digestOf(planned)],
      children.map((child) => child.metadata.resourceVersion),
      served,
    ]);
  };
  const podsOf = ({ group }: Wanted): WorkerPod[] =>
    pods.of(group.gateway, group.role, group.role === 'poller' ? group.shard.index : 0);

  return {
    isNews: (planned, archive) => {
      const key = planned.gateway.metadata.uid;
      const signature = signatureOf(planned, archive);
      if (signatures.get(key) === signature) return false;
      signatures.set(key, signature);
      return true;
    },
    bring: async (planned, archive) => {
      const { gateway } = planned;
      const { namespace } = gateway.metadata;
      const key = `${namespace}/${gateway.metadata.name}`;
      const children = gatewayChildren({
        gateway,
        ...(archive !== undefined && { archive }),
        image: options.image,
        imagePullPolicy: options.imagePullPolicy,
        replicas: planned.replicas,
        shareable: planned.shareable,
        plan: planned,
      });
      await apply(children.serviceAccount);
      await apply(children.service);
      const { workers } = children;
      if (workers === undefined) return {};

      const digest = digestOf(planned);
      const wait = waitFor(key, digest);
      if (wait > 0) return { again: wait };
      const groups = [workers.receiver, ...workers.pollers];
      for (const group of groups) {
        await writeConfiguration(group, namespace);
        await apply(group.deployment);
      }
      if (written.get(key)?.digest !== digest) {
        written.set(key, { digest, at: clock.monotonic() });
        log.info('configuration-written', { gateway: key, digest });
      }
      bursts.delete(key);
      if (children.disruptionBudget !== undefined) await apply(children.disruptionBudget);
      await removeOthers(planned, children);

      let again: number | undefined;
      for (const wanted of groupsOf(planned)) {
        const delivered = await delivery.deliver(podsOf(wanted), wanted);
        if (delivered.again !== undefined) again = Math.min(again ?? delivered.again, delivered.again);
        if (delivered.doubtful) {
          for (const group of groups) {
            const names = configurationSecretNames(group.deployment.metadata.name);
            for (const name of names) applied.doubt(types.Secret, { namespace, name });
          }
        }
      }
      return { ...(again !== undefined && { again }) };
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
  const hash = createHash('sha256');
  for (const { group, entries } of groupsOf(planned)) {
    hash.update(group.revision);
    for (const { uid, revision } of entries) hash.update(uid).update(revision);
  }
  return hash.digest('hex').slice(0, 16);
}
