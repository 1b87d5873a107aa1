import type { ArchiveConnection } from '../../api/archive-connection.ts';
import { findCondition } from '../../api/conditions.ts';
import type { AnyResource, AnyStatus } from '../../api/kinds.ts';
import type { AddressCache } from '../../plan/derivation.ts';
import type { GatewayMaterial, SecretReading } from '../../plan/inputs.ts';
import { keyOf, type Plan, plan } from '../../plan/plan.ts';
import { type Clock, timestamp } from '../clock.ts';
import { earliest } from '../earliest.ts';
import type { OwnMetrics } from '../own-metrics.ts';
import { createRefusedLogins } from '../refused-logins.ts';
import { makeArchiveFolders } from './archive-folders.ts';
import type { Fleet, WantedWorker } from './fleet.ts';
import type { FollowedFolders } from './followed-folders.ts';
import { type GatewayMaterials, materialFolders } from './gateway-material.ts';
import type { Problem } from './manifest-file.ts';
import { reportsOf } from './reports.ts';
import type { Resources } from './resources.ts';
import type { Secrets, WantedSecret } from './secrets.ts';
import type { StandaloneView } from './status-page.ts';

export interface RoundDependencies {
  /** The manifests' folder, absolute. */
  folder: string;
  /** The objects as their manifests are now, with what was remembered of them. */
  resources: () => { resources: Resources; problems: readonly Problem[] };
  /** Keeps the new status; returns the one before, itself, where it is equal. */
  remember: <S extends AnyStatus>(resource: AnyResource, status: S) => S;
  materials: GatewayMaterials;
  materialFolders: FollowedFolders;
  secrets: Secrets;
  fleet: Fleet;
  metrics: OwnMetrics;
  show: (view: StandaloneView, at: string) => void;
  clock: Clock;
}

export interface Round {
  /** @returns when to run again although nothing changed, in ms since 1970 */
  run(): Promise<number | undefined>;
  /** The plan that was carried out last. */
  readonly plan: Plan | undefined;
}

/**
 * One round: gather all that is known, plan the whole, carry the plan out. There is no other path from a change to a
 * worker or a light, whatever changed.
 */
export function createRound(dependencies: RoundDependencies): Round {
  const { fleet, secrets, clock, metrics } = dependencies;
  const addressCache: AddressCache = new Map();
  const refusedLogins = createRefusedLogins();
  let last: Plan | undefined;

  return {
    get plan() {
      return last;
    },
    run: async () => {
      const now = clock.now();
      const { resources, problems } = dependencies.resources();
      const { connections, gateways, archives } = resources;
      const workers = fleet.workers().map(({ shown, client }) => ({ shown, facts: client.facts }));
      const { reports, facts } = reportsOf(workers, clock);
      for (const uid of refusedLogins.since(facts)) secrets.mark(uid);

      const material = new Map<string, GatewayMaterial>();
      const times: (number | undefined)[] = [];
      for (const gateway of gateways) {
        const read = await dependencies.materials.read(gateway, now);
        material.set(keyOf(gateway), read.material);
        times.push(read.renewAt);
      }
      dependencies.materialFolders.follow(new Set(gateways.flatMap((it) => materialFolders(dependencies.folder, it))));
      times.push(await secrets.bring(connections.flatMap(wantedSecret)));

      const started = clock.monotonic();
      last = plan({
        platform: 'standalone',
        folder: dependencies.folder,
        connections,
        gateways,
        archives,
        secrets: new Map(connections.flatMap((it) => readingOf(it, secrets))),
        material,
        facts,
        workers: reports,
        addressCache,
        now,
      });
      metrics.planned((clock.monotonic() - started) / 1_000);
      times.push(last.retryAt);

      const view = withStatus(last, dependencies.remember);
      metrics.showConditions(
        view.connections.map(({ metadata, status }) => ({ metadata, conditions: status?.conditions ?? [] })),
      );
      dependencies.show({ ...view, problems, workers: workers.map(({ shown }) => shown) }, timestamp(clock));
      await makeArchiveFolders(dependencies.folder, archives);
      await fleet.bring(
        wantedWorkers(last),
        gateways.map(({ metadata }) => metadata),
      );
      return earliest(times);
    },
  };
}

function wantedSecret({ metadata, spec, status }: ArchiveConnection): WantedSecret[] {
  if (spec.imap === undefined) return [];
  const { file, env } = spec.imap.passwordRef;
  const failing = findCondition(status?.conditions, 'Ready')?.status !== 'True';
  return [
    { key: metadata.uid, ref: { ...(file !== undefined && { file }), ...(env !== undefined && { env }) }, failing },
  ];
}

function readingOf({ metadata, spec }: ArchiveConnection, secrets: Secrets): [string, SecretReading][] {
  const result = secrets.get(metadata.uid);
  if (result === undefined) return [];
  if (result.kind === 'fault') return [[metadata.uid, { kind: 'fault', fault: result.fault }]];
  const hosts = spec.imap?.passwordRef.host;
  return [[metadata.uid, { kind: 'password', password: result.value, ...(hosts !== undefined && { hosts }) }]];
}

function wantedWorkers({ gateways }: Plan): WantedWorker[] {
  return [...gateways.values()].flatMap(({ receiver, pollers, receiverEntries, pollerEntries }) => [
    ...(receiver === undefined ? [] : [{ group: receiver, entries: receiverEntries }]),
    ...pollers.map((group, shard) => ({ group, entries: pollerEntries[shard] ?? [] })),
  ]);
}

function withStatus({ connections, gateways, archives }: Plan, remember: RoundDependencies['remember']): Resources {
  return {
    connections: [...connections.values()].map(({ connection: it, status }) => ({
      ...it,
      status: remember(it, status),
    })),
    gateways: [...gateways.values()].map(({ gateway: it, status }) => ({ ...it, status: remember(it, status) })),
    archives: [...archives.values()].map(({ archive: it, status }) => ({ ...it, status: remember(it, status) })),
  };
}
