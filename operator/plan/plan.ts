import type { MailArchive } from '../api/mail-archive.ts';
import { type ArchivePlan, planArchive } from './archive.ts';
import { type PlannedConnection, planAttached } from './attached.ts';
import { planGateway } from './gateway.ts';
import type { ClaimState, InputFault } from './inputs.ts';
import { mailboxClaims } from './mailbox-claims.ts';
import { keyOf, type PlanInput } from './plan-input.ts';
import type { PlannedGateway } from './planned-gateway.ts';
import { resolveGateway } from './resolve.ts';

export type { PlannedConnection } from './attached.ts';
export { keyOf, type PlanInput, pollerKey } from './plan-input.ts';
export type { PlannedGateway } from './planned-gateway.ts';

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
      ...refusedOf(input, `MailGateway/${key}`),
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
    for (const one of planAttached({ input, attached, resolutions, mailboxes, ...(gatewayPlan && { gatewayPlan }) })) {
      planned.set(one.connection.metadata.uid, one);
      if (one.entry?.method === 'SMTP') gatewayPlan?.receiverEntries.push(one.entry);
      if (one.entry?.method === 'IMAP') gatewayPlan?.pollerEntries[one.shard]?.push(one.entry);
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
  const refused = refusedOf(input, `MailArchive/${keyOf(archive)}`);
  return planArchive({ platform, archive, ...claimOf(input, archive), ...refused, writers, now });
}

function refusedOf({ refused }: PlanInput, key: string): { refused?: InputFault } {
  const fault = refused?.get(key);
  return fault === undefined ? {} : { refused: fault };
}
