import { resolve } from 'node:path';
import type { PollerGroup, ReceiverGroup } from '../../workers/process/contract.ts';
import type { MailArchive } from '../api/mail-archive.ts';
import type { MailGateway } from '../api/mail-gateway.ts';
import { parseQuantity } from '../api/quantity.ts';
import type { Platform } from '../api/schema.ts';
import { egressOf } from './egress.ts';
import type { GatewayMaterial, GroupInput } from './inputs.ts';
import { withRevision } from './revision.ts';

/** Where the volume of the archive is mounted in a worker's pod. */
const MOUNTED_ARCHIVE = '/archive';
/** The receiver's port in a pod; the Service maps 25 to it. */
const POD_LISTENER = { address: '::', port: 2525 };
const SMTP_PORT = 25;

/** What the receivers of a gateway are to serve; undefined while something that they need is not known. */
export function receiverGroup({ platform, folder, gateway, archive, material }: GroupInput): ReceiverGroup | undefined {
  const { certificate, selfTestKey, clusterRanges = [] } = material;
  if (archive === undefined || certificate === undefined || selfTestKey === undefined) return undefined;
  const { spec } = gateway;
  const { limits } = spec.receiver;
  const listen =
    platform === 'kubernetes' ? POD_LISTENER : (spec.receiver.listen ?? { address: '0.0.0.0', port: 2525 });
  const dial = platform === 'kubernetes' ? throughService(material) : { ...listen, address: dialable(listen.address) };
  if (dial === undefined) return undefined;
  return withRevision({
    ...groupBase(gateway, archive, platform, folder),
    role: 'receiver' as const,
    hostName: spec.hostName.toLowerCase(),
    journalDomain: spec.journalDomain.toLowerCase(),
    listen,
    certificate: { ...certificate, ...(spec.tls?.caBundle !== undefined && { caBundle: spec.tls.caBundle }) },
    limits: { ...limits, bytesInFlight: bytes(limits.bytesInFlight) },
    selfTest: { key: selfTestKey, dial },
    hiddenPeerRanges: platform === 'kubernetes' ? [...clusterRanges, ...(spec.egress.clusterRanges ?? [])] : [],
  });
}

/** What each poller of a gateway is to serve, by shard; none while the archive is not there. Standalone has one. */
export function pollerGroups({ platform, folder, gateway, archive, material }: GroupInput): PollerGroup[] {
  if (archive === undefined) return [];
  const { spec } = gateway;
  const shared = {
    ...groupBase(gateway, archive, platform, folder),
    role: 'poller' as const,
    bytesInFlight: bytes(spec.poller.bytesInFlight),
    egress: egressOf(spec.egress, material.clusterRanges ?? []),
  };
  const count = shardsOf(platform, gateway);
  return Array.from({ length: count }, (_, index) => withRevision({ ...shared, shard: { index, count } }));
}

/** How many pollers the mailboxes of a gateway are spread over. */
export function shardsOf(platform: Platform, { spec }: MailGateway): number {
  return platform === 'kubernetes' ? (spec.poller.shards ?? 1) : 1;
}

function groupBase({ metadata }: MailGateway, { spec }: MailArchive, platform: Platform, folder: string | undefined) {
  const path = platform === 'kubernetes' ? MOUNTED_ARCHIVE : resolve(folder ?? '.', spec.volume.path ?? '');
  return {
    version: 1 as const,
    gateway: { namespace: metadata.namespace, name: metadata.name },
    archive: { path, reserveBytes: bytes(spec.reserve) },
  };
}

/** The way that senders come, as far as there is one inside the cluster. */
function throughService({ service }: GatewayMaterial): { address: string; port: number } | undefined {
  return service?.clusterIP === undefined ? undefined : { address: service.clusterIP, port: SMTP_PORT };
}

/** An address to dial a listener at; one that listens everywhere is dialled over loopback. */
function dialable(address: string): string {
  if (address === '0.0.0.0') return '127.0.0.1';
  return /^[0:]+$/.test(address) ? '::1' : address;
}

/** The schema has checked it. */
function bytes(quantity: string): number {
  return parseQuantity(quantity) ?? 0;
}
