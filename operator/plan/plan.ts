import type { ConnectionFacts, PollerConnection, ReceiverConnection } from '../../workers/process/contract.ts';
import type { ArchiveConnection } from '../api/archive-connection.ts';
import type { MailArchive } from '../api/mail-archive.ts';
import type { MailGateway } from '../api/mail-gateway.ts';
import type { ObjectMeta } from '../api/resource.ts';
import type { Platform } from '../api/schema.ts';
import { type Addresses, addressesOf } from './addresses.ts';
import { type ArchivePlan, planArchive } from './archive.ts';
import { type AddressClaim, type MailboxClaim, mailboxConflict, mailboxKey, pinConflict } from './conflict.ts';
import { type ConnectionPlan, planConnection } from './connection.ts';
import { credentialVerdict } from './credential.ts';
import { type GatewayPlan, planGateway } from './gateway.ts';
import type { ClaimState, GatewayMaterial, SecretReading, WorkerReports } from './inputs.ts';
import { quotaFaults } from './quota.ts';
import { type GatewayResolution, resolveGateway } from './resolve.ts';
import { shardOf } from './shard.ts';

/** A whole set of manifests with all that is known. Objects carry their status so far; keys are {@link keyOf}. */
export interface PlanInput {
  platform: Platform;
  /** Standalone: the folder of the manifests, absolute; relative paths start there. */
  folder?: string;
  connections: readonly ArchiveConnection[];
  gateways: readonly MailGateway[];
  archives: readonly MailArchive[];
  /** Passwords of IMAP connections, by uid of the connection. */
  secrets: ReadonlyMap<string, SecretReading>;
  /** By key of the gateway. */
  material: ReadonlyMap<string, GatewayMaterial>;
  /** By uid of the connection. Keep the last facts while a worker is silent. */
  facts: ReadonlyMap<string, ConnectionFacts>;
  /** By key of the gateway. */
  workers: ReadonlyMap<string, WorkerReports>;
  /** Kubernetes: namespaces that Mailhold may run workers in; absent: in all. */
  managedNamespaces?: ReadonlySet<string>;
  /** Kubernetes: the claims of archives' volumes, by key of the archive. */
  claims?: ReadonlyMap<string, ClaimState>;
  /** By uid of the connection: the shards whose workers report it now. Of workers that are gone, none. */
  servedBy?: ReadonlyMap<string, readonly number[]>;
  /** By uid of the connection: the test request that was handled last. */
  handledTestRequests?: ReadonlyMap<string, string>;
  /** ms since 1970. */
  now: number;
}

export interface PlannedGateway extends GatewayPlan {
  gateway: MailGateway;
  /** What its receivers are to serve, in the order of the input, and its pollers. */
  receiverEntries: ReceiverConnection[];
  /** By shard. */
  pollerEntries: PollerConnection[][];
}

export interface PlannedConnection extends ConnectionPlan {
  connection: ArchiveConnection;
  /** The gateway that it belongs to; also where it is not served. */
  gateway?: MailGateway;
}

export interface Plan {
  /** By key of the gateway. */
  gateways: Map<string, PlannedGateway>;
  /** By uid. */
  connections: Map<string, PlannedConnection>;
  /** By key of the archive. */
  archives: Map<string, ArchivePlan & { archive: MailArchive }>;
  /** When to plan again although nothing changed, in ms since 1970. */
  retryAt?: number;
}

/** `namespace/name`. */
export function keyOf({ metadata }: { metadata: Pick<ObjectMeta, 'namespace' | 'name'> }): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** Plans a whole set: what every worker is to serve, and every status. */
export function plan(input: PlanInput): Plan {
  const { connections, gateways, now } = input;
  const archives = new Map(input.archives.map((archive) => [keyOf(archive), archive]));
  const resolutions = new Map(connections.map((it) => [it.metadata.uid, resolveGateway(it, gateways)]));
  const attachedTo = Map.groupBy(connections, (it) => {
    const gateway = resolutions.get(it.metadata.uid)?.gateway;
    return gateway === undefined ? '' : keyOf(gateway);
  });

  const plannedGateways = new Map<string, PlannedGateway>();
  for (const gateway of gateways) {
    const key = keyOf(gateway);
    const archive = archives.get(`${gateway.metadata.namespace}/${gateway.spec.archiveRef.name}`);
    const gatewayPlan = planGateway({
      platform: input.platform,
      ...(input.folder !== undefined && { folder: input.folder }),
      gateway,
      ...(archive !== undefined && { archive }),
      ...claimOf(input, archive),
      material: input.material.get(key) ?? {},
      managed: input.managedNamespaces?.has(gateway.metadata.namespace) ?? true,
      attached: attachedTo.get(key)?.length ?? 0,
      workers: input.workers.get(key) ?? {},
      now,
    });
    plannedGateways.set(key, {
      ...gatewayPlan,
      gateway,
      receiverEntries: [],
      pollerEntries: gatewayPlan.pollers.map(() => []),
    });
  }

  const mailboxes = mailboxClaims(input, resolutions);
  const planned = new Map<string, PlannedConnection>();
  for (const [key, attached] of attachedTo) {
    const gatewayPlan = plannedGateways.get(key);
    const addresses = addressClaims(attached, gatewayPlan?.addressKey, now);
    const addressed = [...addresses.values()];
    const overQuota = gatewayPlan === undefined ? new Map() : quotaFaults(gatewayPlan.gateway, attached);
    for (const connection of attached) {
      const { uid } = connection.metadata;
      const own = addresses.get(uid);
      const denied =
        overQuota.get(uid) ??
        (own && pinConflict(own, addressed)) ??
        mailboxConflict(connection, mailboxes.get(mailboxKey(connection) ?? '') ?? []);
      const shard = shardOf(uid, Math.max(1, gatewayPlan?.pollers.length ?? 1));
      const result = planOne(input, connection, resolutions.get(uid), gatewayPlan, own?.addresses, denied, shard);
      planned.set(uid, result);
      if (result.entry?.method === 'SMTP') gatewayPlan?.receiverEntries.push(result.entry);
      if (result.entry?.method === 'IMAP') gatewayPlan?.pollerEntries[shard]?.push(result.entry);
    }
  }

  const plannedArchives = new Map(
    input.archives.map((archive) => [keyOf(archive), { archive, ...archivePlan(input, plannedGateways, archive) }]),
  );
  const times = [...planned.values(), ...plannedGateways.values(), ...plannedArchives.values()].map(
    (it) => it.retryAt ?? Number.POSITIVE_INFINITY,
  );
  const retryAt = times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  return {
    gateways: plannedGateways,
    connections: planned,
    archives: plannedArchives,
    ...(Number.isFinite(retryAt) && { retryAt }),
  };
}

function planOne(
  input: PlanInput,
  connection: ArchiveConnection,
  resolution: GatewayResolution | undefined,
  gatewayPlan: PlannedGateway | undefined,
  addresses: Addresses | undefined,
  denied: ReturnType<typeof mailboxConflict>,
  shard: number,
): PlannedConnection {
  const { uid } = connection.metadata;
  const gateway = resolution?.gateway;
  const secret = input.secrets.get(uid);
  const facts = input.facts.get(uid);
  const workers = gateway === undefined ? undefined : input.workers.get(keyOf(gateway));
  const handledTestRequest = input.handledTestRequests?.get(uid);
  const result = planConnection({
    platform: input.platform,
    connection,
    resolution: resolution ?? resolveGateway(connection, input.gateways),
    ...(gatewayPlan !== undefined && { gatewayPlan }),
    ...(addresses !== undefined && { addresses }),
    ...(secret !== undefined && { secret }),
    ...(denied !== undefined && { denied }),
    shard,
    moving: (input.servedBy?.get(uid) ?? []).some((other) => other !== shard),
    ...(facts !== undefined && { facts }),
    ...(workers !== undefined && { workers }),
    ...(handledTestRequest !== undefined && { handledTestRequest }),
    now: input.now,
  });
  return { ...result, connection, ...(gateway !== undefined && { gateway }) };
}

function addressClaims(
  connections: readonly ArchiveConnection[],
  key: Uint8Array | undefined,
  now: number,
): Map<string, AddressClaim> {
  const claims = new Map<string, AddressClaim>();
  if (key === undefined) return claims;
  for (const connection of connections) {
    const addresses = addressesOf(connection, key, now);
    if (addresses !== undefined) claims.set(connection.metadata.uid, { connection, addresses });
  }
  return claims;
}

/** By mailbox: who is served and wants it. */
function mailboxClaims(
  input: PlanInput,
  resolutions: ReadonlyMap<string, GatewayResolution>,
): Map<string, MailboxClaim[]> {
  const { platform, connections, facts, secrets } = input;
  const claims = new Map<string, MailboxClaim[]>();
  for (const connection of connections) {
    const { uid } = connection.metadata;
    const key = mailboxKey(connection);
    const gateway = resolutions.get(uid)?.gateway;
    if (key === undefined || gateway === undefined) continue;
    const secret = secrets.get(uid);
    const noPassword = credentialVerdict({ platform, connection, resolution: { gateway }, ...(secret && { secret }) });
    const loginRefused = noPassword !== undefined || facts.get(uid)?.attempt?.fault?.code === 'AuthenticationFailed';
    claims.set(key, [...(claims.get(key) ?? []), { connection, loginRefused }]);
  }
  return claims;
}

function claimOf({ claims }: PlanInput, archive: MailArchive | undefined): { claim?: ClaimState } {
  const claim = archive && claims?.get(keyOf(archive));
  return claim === undefined ? {} : { claim };
}

function archivePlan(
  input: PlanInput,
  planned: ReadonlyMap<string, PlannedGateway>,
  archive: MailArchive,
): ArchivePlan {
  const { platform, gateways, workers, now } = input;
  const users = gateways.filter(
    ({ metadata, spec }) =>
      metadata.namespace === archive.metadata.namespace && spec.archiveRef.name === archive.metadata.name,
  );
  const writers = users.flatMap((gateway) => {
    const reports = workers.get(keyOf(gateway));
    const pollers = planned.get(keyOf(gateway))?.pollers ?? [];
    return [reports?.receiver ?? {}, ...pollers.map((_, shard) => reports?.pollers?.[shard] ?? {})];
  });
  return planArchive({ platform, archive, ...claimOf(input, archive), writers, now });
}
