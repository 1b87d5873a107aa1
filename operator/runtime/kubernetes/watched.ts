import type { ArchiveConnection } from '../../api/archive-connection.ts';
import type { MailArchive } from '../../api/mail-archive.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import type { KubeClient } from '../../kube/client.ts';
import { createInformer, type Informer } from '../../kube/informer.ts';
import type { Clock, KubeObject, Log, ResourceType } from '../../kube/types.ts';
import { keyOfObject } from '../../kube/types.ts';
import type { Pod } from './pod.ts';
import { types } from './resource-types.ts';

/** core/v1 Service, as far as it is read. */
export interface LiveService extends KubeObject {
  spec?: { clusterIP?: string; clusterIPs?: string[]; type?: string; ports?: { port: number; nodePort?: number }[] };
  status?: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } };
}

export interface LiveClaim extends KubeObject {
  spec?: { accessModes?: string[]; volumeName?: string };
  status?: { phase?: string; accessModes?: string[]; capacity?: { storage?: string } };
}

export interface LiveNode extends KubeObject {
  spec?: { podCIDR?: string; podCIDRs?: string[] };
  status?: { addresses?: { type: string; address: string }[] };
}

export interface LiveServiceCIDR extends KubeObject {
  spec?: { cidrs?: string[] };
}

/** Everything that the operator watches, as it is now. */
export interface Watched extends AsyncDisposable {
  /** Resolves when all of it was listed once. */
  readonly synced: Promise<unknown>;
  connections(): readonly ArchiveConnection[];
  gateways(): readonly MailGateway[];
  archives(): readonly MailArchive[];
  nodes(): readonly LiveNode[];
  serviceCIDRs(): readonly LiveServiceCIDR[];
  definitions(): readonly KubeObject[];
  pods(): readonly Pod[];
  claims(): readonly LiveClaim[];
  /** The child of this type and key in a namespace that is managed. */
  live<T extends KubeObject>(type: ResourceType, key: string): T | undefined;
  /** All objects of this type of children with the operator's label; of claims, all. */
  children(type: ResourceType): readonly KubeObject[];
  /** Of every watch: when the server last said something, by the monotonic clock in ms. */
  contacts(): { plural: string; namespace: string | undefined; at: number | undefined }[];
}

export interface WatchedOptions {
  client: KubeClient;
  /** Namespaces that gateways may live in: where children are watched. */
  namespaces: readonly string[];
  clock: Clock;
  random: () => number;
  log: Log;
  /** Something changed that planning may have to know of. */
  onChange: () => void;
}

/** Kinds of children that are watched; Secrets are only ever read by name. */
export const CHILD_TYPES = [
  types.ServiceAccount,
  types.Service,
  types.PersistentVolumeClaim,
  types.Deployment,
  types.PodDisruptionBudget,
] as const;

const OURS = 'app.kubernetes.io/managed-by=mailhold';

/** Starts all watches. */
export function watchAll(options: WatchedOptions): Watched {
  const { namespaces, onChange, ...common } = options;
  const informers: { type: ResourceType; namespace: string | undefined; informer: Informer<KubeObject> }[] = [];
  const inform = <T extends KubeObject>(
    type: ResourceType,
    namespace?: string,
    labelSelector?: string,
  ): Informer<T> => {
    const informer = createInformer<T>({
      ...common,
      type,
      ...(namespace !== undefined && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
      onChange,
    });
    informers.push({ type, namespace, informer });
    return informer;
  };

  const connections = inform<ArchiveConnection>(types.ArchiveConnection);
  const gateways = inform<MailGateway>(types.MailGateway);
  const archives = inform<MailArchive>(types.MailArchive);
  const definitions = inform<KubeObject>(types.CustomResourceDefinition);
  const nodes = inform<LiveNode>(types.Node);
  const serviceCIDRs = inform<LiveServiceCIDR>(types.ServiceCIDR);
  const pods = namespaces.map((namespace) => inform<Pod>(types.Pod, namespace, OURS));
  const children = new Map<ResourceType, Map<string, Informer<KubeObject>>>();
  for (const type of CHILD_TYPES) {
    // An owner's claim carries no label of ours, so all claims are watched.
    const labels = type === types.PersistentVolumeClaim ? undefined : OURS;
    children.set(type, new Map(namespaces.map((namespace) => [namespace, inform(type, namespace, labels)])));
  }
  // What a watch of this type shows is of this type.
  const childrenOf = <T extends KubeObject>(type: ResourceType): T[] =>
    [...(children.get(type)?.values() ?? [])].flatMap((informer) => informer.list() as readonly T[]);

  return {
    synced: Promise.all(informers.map(({ informer }) => informer.synced)),
    connections: () => connections.list(),
    gateways: () => gateways.list(),
    archives: () => archives.list(),
    definitions: () => definitions.list(),
    nodes: () => nodes.list(),
    serviceCIDRs: () => serviceCIDRs.list(),
    pods: () => pods.flatMap((informer) => informer.list()),
    claims: () => childrenOf<LiveClaim>(types.PersistentVolumeClaim),
    live: <T extends KubeObject>(type: ResourceType, key: string) => {
      const namespace = key.slice(0, key.indexOf('/'));
      return children.get(type)?.get(namespace)?.get(key) as T | undefined;
    },
    children: childrenOf,
    contacts: () =>
      informers.map(({ type, namespace, informer }) => ({
        plural: type.plural,
        namespace,
        at: informer.lastContactAt,
      })),
    [Symbol.asyncDispose]: async () => {
      await Promise.all(informers.map(({ informer }) => informer[Symbol.asyncDispose]()));
    },
  };
}

/** `namespace/name` of the objects, for look-ups. */
export function byKey<T extends KubeObject>(objects: readonly T[]): Map<string, T> {
  return new Map(objects.map((object) => [keyOfObject(object), object]));
}
