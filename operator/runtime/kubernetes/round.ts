import type { ArchiveConnection } from '../../api/archive-connection.ts';
import { findCondition } from '../../api/conditions.ts';
import type { AnyResource, AnyStatus } from '../../api/kinds.ts';
import type { MailArchive } from '../../api/mail-archive.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import type { EventRecorder } from '../../kube/events.ts';
import type { Log } from '../../kube/types.ts';
import { receiverName } from '../../plan/children/names.ts';
import type { AddressCache } from '../../plan/derivation.ts';
import type { GatewayMaterial, SecretReading } from '../../plan/inputs.ts';
import { keyOf, type Plan, plan } from '../../plan/plan.ts';
import type { Clock } from '../clock.ts';
import { earliest } from '../earliest.ts';
import { keepOnly } from '../keep-only.ts';
import type { OwnMetrics } from '../own-metrics.ts';
import { createRefusedLogins } from '../refused-logins.ts';
import { claimStates } from './archive-claims.ts';
import type { ArchiveVolumes } from './archive-volumes.ts';
import { clusterRanges } from './cluster-ranges.ts';
import type { ConnectionSecrets, WantedConnectionSecret } from './connection-secrets.ts';
import type { GatewayMaterials } from './gateway-material.ts';
import type { GatewayWorkloads } from './gateway-workloads.ts';
import { recordLights } from './lights-log.ts';
import { receiverServiceState } from './receiver-service-state.ts';
import type { Refusals } from './refusals.ts';
import { types } from './resource-types.ts';
import type { StatusWriter } from './status-writer.ts';
import type { TestRequests } from './test-requests.ts';
import type { LiveService, Watched } from './watched.ts';
import type { WorkerKeys } from './worker-keys.ts';
import type { WorkerPods } from './worker-pods.ts';

/** Work that a round leaves to the queue: each key fails, waits and is tried again on its own. */
export type WorkKey = `gateway:${string}` | `archive:${string}` | `status:${string}`;

export interface RoundDependencies {
  /** Namespaces that workers may run in. */
  namespaces: ReadonlySet<string>;
  watched: Watched;
  pods: WorkerPods;
  materials: GatewayMaterials;
  /** Keys of the calls between operator and workers. */
  workerKeys: WorkerKeys;
  secrets: ConnectionSecrets;
  requests: TestRequests;
  statuses: StatusWriter;
  events: Pick<EventRecorder, 'record'>;
  metrics: Pick<OwnMetrics, 'planned' | 'showConditions'>;
  workloads: Pick<GatewayWorkloads, 'isNews' | 'keep'>;
  volumes: Pick<ArchiveVolumes, 'isNews' | 'keep'>;
  refusals: Pick<Refusals, 'faults'>;
  enqueue: (key: WorkKey) => void;
  clock: Clock;
  log: Log;
}

export interface Round {
  /** @returns when to run again although nothing changed, in ms since 1970 */
  run(): Promise<number | undefined>;
  /** The plan that was made last. */
  readonly plan: Plan | undefined;
}

/** Workers of which nothing is known yet are looked at again after this time. */
const SETTLING_MS = 1_000;
/** A pod that is being made for longer than this may wait for a Secret that somebody has deleted. */
const HELD_UP_MS = 5_000;

/**
 * One round: gather all that is known, plan the whole, and leave to the queue what is to be carried out. Nothing else
 * turns a change into a write, whatever changed.
 */
export function createRound(dependencies: RoundDependencies): Round {
  const { watched, pods, materials, workerKeys, secrets, requests, statuses, metrics, clock, log } = dependencies;
  const refusedLogins = createRefusedLogins();
  const addressCache: AddressCache = new Map();
  /** By uid of the gateway. */
  const lastMaterial = new Map<string, GatewayMaterial>();
  let last: Plan | undefined;

  const materialOf = async (
    gateway: MailGateway,
    ranges: readonly string[],
    now: number,
  ): Promise<[GatewayMaterial, number | undefined]> => {
    if (!dependencies.namespaces.has(gateway.metadata.namespace)) return [{}, undefined];
    const { namespace, name } = gateway.metadata;
    const service = watched.live<LiveService>(types.Service, `${namespace}/${receiverName(name)}`);
    const state = receiverServiceState(gateway, service, watched.nodes());
    const known = { clusterRanges: ranges, ...(state !== undefined && { service: state }) };
    try {
      const { material, readAgainAt } = await materials.read(gateway, now);
      lastMaterial.set(gateway.metadata.uid, material);
      const heldUpAt = doubtKeys(gateway, now);
      const keysAgainAt = await workerKeys.bring(gateway, now);
      return [{ ...material, ...known }, Math.min(readAgainAt, keysAgainAt, heldUpAt)];
    } catch (error) {
      // What is served goes on being served; the API server is asked again soon.
      log.warn('material-not-read', { gateway: keyOf(gateway), error: String(error) });
      return [{ ...lastMaterial.get(gateway.metadata.uid), ...known }, now + SETTLING_MS];
    }
  };

  /** @returns when to look again, in ms since 1970 */
  const doubtKeys = ({ metadata }: MailGateway, now: number): number => {
    const since = pods.beingMadeSince(metadata);
    if (since === undefined) return Number.POSITIVE_INFINITY;
    if (clock.monotonic() - since >= HELD_UP_MS) workerKeys.doubt(metadata);
    return now + HELD_UP_MS;
  };

  const forgetOthers = (gateways: readonly MailGateway[], archives: readonly MailArchive[]): void => {
    const uids = new Set(gateways.map(({ metadata }) => metadata.uid));
    keepOnly(lastMaterial, uids);
    for (const memory of [materials, workerKeys, dependencies.workloads]) memory.keep(gateways);
    dependencies.volumes.keep(archives);
  };

  const showStatus = (resource: AnyResource, status: AnyStatus): void => {
    const before = statuses.current(resource);
    const key = statuses.want(resource, status);
    const after = statuses.current(resource) ?? status;
    if (before !== after) recordLights(dependencies.events, resource, before, after);
    if (key !== undefined) dependencies.enqueue(`status:${key}`);
  };

  return {
    get plan() {
      return last;
    },
    run: async () => {
      const now = clock.now();
      const withStatus = <R extends AnyResource>(resource: R): R => ({
        ...resource,
        status: statuses.current(resource),
      });
      const connections = watched.connections().filter(isStaying).map(withStatus);
      const gateways = watched.gateways().filter(isStaying).map(withStatus);
      const archives = watched.archives().filter(isStaying).map(withStatus);
      pods.bring(watched.pods());
      const { reports, facts, servedBy } = pods.reports();
      for (const uid of refusedLogins.since(facts)) secrets.mark(uid);

      const times: (number | undefined)[] = [];
      const material = new Map<string, GatewayMaterial>();
      const ranges = clusterRanges(watched.serviceCIDRs(), watched.nodes());
      for (const gateway of gateways) {
        const [read, again] = await materialOf(gateway, ranges, now);
        material.set(keyOf(gateway), read);
        times.push(again);
      }
      times.push(await secrets.bring(connections.flatMap(wantedSecret)));

      const started = clock.monotonic();
      const planned = plan({
        platform: 'kubernetes',
        connections,
        gateways,
        archives,
        secrets: new Map(connections.flatMap((it) => readingOf(it, secrets))),
        material,
        facts,
        workers: reports,
        managedNamespaces: dependencies.namespaces,
        claims: claimStates(archives, watched.claims()),
        servedBy,
        refused: dependencies.refusals.faults,
        addressCache,
        handledTestRequests: requests.handled(facts),
        now,
      });
      last = planned;
      metrics.planned((clock.monotonic() - started) / 1_000);
      times.push(planned.retryAt);

      for (const [key, one] of planned.gateways) {
        const archive = archiveOf(planned, one.gateway);
        if (dependencies.workloads.isNews(one, archive)) dependencies.enqueue(`gateway:${key}`);
      }
      for (const [key, { archive }] of planned.archives) {
        if (dependencies.volumes.isNews(archive)) dependencies.enqueue(`archive:${key}`);
      }
      for (const { gateway, status } of planned.gateways.values()) {
        if (isUnsettled(pods, gateway, gateway)) times.push(now + SETTLING_MS);
        else showStatus(gateway, status);
      }
      for (const { connection, gateway, status } of planned.connections.values()) {
        if (!isUnsettled(pods, connection, gateway)) showStatus(connection, status);
      }
      for (const { archive, status } of planned.archives.values()) {
        const users = gateways.filter((gateway) => archiveOf(planned, gateway) === archive);
        if (!users.some((gateway) => isUnsettled(pods, archive, gateway))) showStatus(archive, status);
      }
      statuses.keep([...connections, ...gateways, ...archives]);
      metrics.showConditions(
        connections.map((it) => ({ metadata: it.metadata, conditions: statuses.current(it)?.conditions ?? [] })),
      );
      forgetOthers(gateways, archives);
      requests.bring(connections);
      return earliest(times);
    },
  };
}

/** The archive that a gateway names, where it exists. */
export function archiveOf({ archives }: Plan, { metadata, spec }: MailGateway): MailArchive | undefined {
  return archives.get(`${metadata.namespace}/${spec.archiveRef.name}`)?.archive;
}

/** What is being deleted is served no more; its light stays as it was. */
function isStaying({ metadata }: AnyResource): boolean {
  return metadata.deletionTimestamp === undefined;
}

/**
 * After our own start nothing is known of workers that have been at work all the time. Until they have answered, lights
 * of what did not change stay as they are.
 */
function isUnsettled(pods: WorkerPods, resource: AnyResource, gateway: MailGateway | undefined): boolean {
  if (gateway === undefined || resource.status?.observedGeneration !== resource.metadata.generation) return false;
  return pods.isSettling(gateway.metadata);
}

function wantedSecret({ metadata, spec, status }: ArchiveConnection): WantedConnectionSecret[] {
  if (spec.imap === undefined) return [];
  const { name, key } = spec.imap.passwordRef;
  return [
    {
      key: metadata.uid,
      namespace: metadata.namespace,
      name: name ?? '',
      secretKey: key ?? 'password',
      failing: findCondition(status?.conditions, 'Ready')?.status !== 'True',
      revisionHint: String(metadata.generation),
      host: spec.imap.host,
    },
  ];
}

function readingOf({ metadata }: ArchiveConnection, secrets: ConnectionSecrets): [string, SecretReading][] {
  const reading = secrets.get(metadata.uid);
  return reading === undefined ? [] : [[metadata.uid, reading]];
}
