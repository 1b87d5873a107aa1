import type { ConnectionEntry } from '../../workers/process/contract.ts';
import type { ArchiveConnection } from '../api/archive-connection.ts';
import type { MailGateway } from '../api/mail-gateway.ts';
import { type Addresses, addressesOf } from './addresses.ts';
import { type AddressClaim, type MailboxClaim, mailboxConflict, mailboxKey, pinConflict } from './conflict.ts';
import { type ConnectionPlan, planConnection } from './connection.ts';
import { type Derivation, derivationWith } from './derivation.ts';
import type { InputFault } from './inputs.ts';
import { keyOf, type PlanInput, pollerKey } from './plan-input.ts';
import type { PlannedGateway } from './planned-gateway.ts';
import { quotaFaults } from './quota.ts';
import { type GatewayResolution, resolveGateway } from './resolve.ts';
import { roomFaults } from './room.ts';
import { shardOf } from './shard.ts';

export interface PlannedConnection extends ConnectionPlan {
  connection: ArchiveConnection;
  /** The gateway that it belongs to; also where it is not served. */
  gateway?: MailGateway;
  /** The poller that it belongs to (IMAP). */
  shard: number;
}

export interface AttachedInput {
  input: PlanInput;
  /** The connections of one gateway, or those that have none. */
  attached: readonly ArchiveConnection[];
  /** By uid. */
  resolutions: ReadonlyMap<string, GatewayResolution>;
  /** Of all gateways, by mailbox. */
  mailboxes: ReadonlyMap<string, readonly MailboxClaim[]>;
  /** Absent where they have none. */
  gatewayPlan?: PlannedGateway;
}

/** Plans the connections of one gateway: each by itself, and what they may not share or have no room for together. */
export function planAttached(all: AttachedInput): PlannedConnection[] {
  const { input, attached, mailboxes, gatewayPlan } = all;
  const key = gatewayPlan?.addressKey;
  const derive = key && derivationWith(key, input.addressCache);
  const addresses = addressClaims(attached, derive, input.now);
  const holders = holdersOf(addresses.values());
  const overQuota = gatewayPlan === undefined ? undefined : quotaFaults(gatewayPlan.gateway, attached);
  const planned = attached.map((connection) => {
    const { uid } = connection.metadata;
    const own = addresses.get(uid);
    const denied =
      overQuota?.get(uid) ??
      (own && pinConflict(own, holders.get(own.addresses.current) ?? [])) ??
      mailboxConflict(connection, mailboxes.get(mailboxKey(connection) ?? '') ?? []);
    return planOne(all, connection, own?.addresses, denied);
  });
  const noRoom = withoutRoom(planned);
  if (noRoom.size === 0) return planned;
  return planned.map((one) => {
    const { connection } = one;
    const denied = noRoom.get(connection.metadata.uid);
    return denied === undefined
      ? one
      : planOne(all, connection, addresses.get(connection.metadata.uid)?.addresses, denied);
  });
}

/** Each group has Secrets of its own: the receivers one set, each poller another. */
function withoutRoom(planned: readonly PlannedConnection[]): Map<string, InputFault> {
  const served = planned.filter(
    (one): one is PlannedConnection & { entry: ConnectionEntry } => one.entry !== undefined,
  );
  const groups = Map.groupBy(served, ({ entry, shard }) => (entry.method === 'SMTP' ? 'receivers' : shard));
  return new Map(
    [...groups.values()].flatMap((group) => [
      ...roomFaults(group.map(({ connection, entry }) => ({ metadata: connection.metadata, entry }))),
    ]),
  );
}

function planOne(
  { input, resolutions, gatewayPlan }: AttachedInput,
  connection: ArchiveConnection,
  addresses: Addresses | undefined,
  denied: InputFault | undefined,
): PlannedConnection {
  const { uid } = connection.metadata;
  const resolution = resolutions.get(uid) ?? resolveGateway(connection, input.gateways);
  const { gateway } = resolution;
  const shard = shardOf(uid, Math.max(1, gatewayPlan?.pollers.length ?? 1));
  const secret = input.secrets.get(uid);
  const facts = input.facts.get(uid);
  const workers = gateway === undefined ? undefined : input.workers.get(keyOf(gateway));
  const servers = input.servedBy?.get(uid) ?? [];
  const handledTestRequest = input.handledTestRequests?.get(uid);
  const result = planConnection({
    platform: input.platform,
    connection,
    resolution,
    ...(gatewayPlan !== undefined && { gatewayPlan }),
    ...(addresses !== undefined && { addresses }),
    ...(secret !== undefined && { secret }),
    ...(denied !== undefined && { denied }),
    shard,
    moving: gateway !== undefined && servers.some((server) => server !== pollerKey(keyOf(gateway), shard)),
    ...(facts !== undefined && { facts }),
    ...(workers !== undefined && { workers }),
    ...(handledTestRequest !== undefined && { handledTestRequest }),
    now: input.now,
  });
  return { ...result, connection, shard, ...(gateway !== undefined && { gateway }) };
}

function addressClaims(
  connections: readonly ArchiveConnection[],
  derive: Derivation | undefined,
  now: number,
): Map<string, AddressClaim> {
  const claims = new Map<string, AddressClaim>();
  if (derive === undefined) return claims;
  for (const connection of connections) {
    const addresses = addressesOf(connection, derive, now);
    if (addresses !== undefined) claims.set(connection.metadata.uid, { connection, addresses });
  }
  return claims;
}

/** By local part: whose it is or was. */
function holdersOf(claims: Iterable<AddressClaim>): Map<string, AddressClaim[]> {
  const holders = new Map<string, AddressClaim[]>();
  for (const claim of claims) {
    for (const { localPart } of claim.addresses.records) {
      const known = holders.get(localPart);
      if (known === undefined) holders.set(localPart, [claim]);
      else known.push(claim);
    }
  }
  return holders;
}
