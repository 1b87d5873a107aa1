import { resolve } from 'node:path';
import type { PollerGroup, ReceiverGroup } from '../../workers/process/contract.ts';
import { conditionsOf, type Verdict, verdictOf } from '../api/conditions.ts';
import type { MailArchive } from '../api/mail-archive.ts';
import type { MailGateway, MailGatewayStatus } from '../api/mail-gateway.ts';
import { parseQuantity } from '../api/quantity.ts';
import { reasons } from '../api/reasons.ts';
import type { Platform } from '../api/schema.ts';
import { keyFingerprint } from './address.ts';
import { egressOf } from './egress.ts';
import type { GatewayMaterial, WorkerReports } from './inputs.ts';
import { withRevision } from './revision.ts';
import { firstVerdict } from './verdict.ts';
import { silentSince, workerVerdict } from './worker-verdict.ts';

/** Where the volume of the archive is mounted in a worker's pod. */
const MOUNTED_ARCHIVE = '/archive';
/** The receiver's port in a pod; the Service maps 25 to it. */
const POD_LISTENER = { address: '::', port: 2525 };

export interface GatewayInput {
  platform: Platform;
  /** Standalone: what relative paths are relative to. */
  folder?: string;
  gateway: MailGateway;
  /** The archive that the gateway names, where it exists. */
  archive?: MailArchive;
  material: GatewayMaterial;
  /** Connections that resolve to this gateway. */
  attached: number;
  workers: WorkerReports;
  /** ms since 1970. */
  now: number;
}

export interface GatewayPlan {
  /** Absent where it cannot be planned now: what runs goes on with what it has. */
  receiver?: ReceiverGroup;
  poller?: PollerGroup;
  status: MailGatewayStatus;
  /** The key to derive addresses with; absent where there is none that may be used. */
  addressKey?: Uint8Array;
  /** What keeps connections of a method from being served. */
  blocked: { SMTP?: Verdict; IMAP?: Verdict };
  /** Words on the certificate for the lights of SMTP connections. */
  certificateNote?: string;
  /** When to plan again although nothing changed, in ms since 1970. */
  retryAt?: number;
}

/** The worker groups and the status of a gateway. Its connections' entries are planned one by one (connection.ts). */
export function planGateway(input: GatewayInput): GatewayPlan {
  const { gateway, material, workers, now } = input;
  const previous = gateway.status;
  const key = addressKeyOf(input);
  const noArchive = archiveVerdict(input);
  const certificate = certificateVerdict(material);
  const receiver = receiverGroup(input);
  const poller = pollerGroup(input);

  const ready =
    firstVerdict([
      () => noArchive, // nothing is taken without a place to keep it
      () => key.verdict, // no address without its key, and never with another one
      () => certificate, // no mail without a certificate that can be used
      () => workerVerdict(workers.receiver, receiver?.revision, now), // the receiver serves this
      () => workerVerdict(workers.poller, poller?.revision, now), // the pollers serve this
    ]) ?? workingVerdict(gateway, material);

  const { unknownRecipients } = workers.receiver?.group ?? {};
  const note = certificateNote(gateway, material);
  const fingerprint = previous?.addressKeyFingerprint ?? (key.bytes && keyFingerprint(key.bytes));
  const status: MailGatewayStatus = {
    observedGeneration: gateway.metadata.generation,
    conditions: conditionsOf({ Ready: ready }, previous?.conditions, gateway.metadata.generation, now),
    connections: input.attached,
    ...(fingerprint !== undefined && { addressKeyFingerprint: fingerprint }),
    ...(note !== undefined && { warnings: [{ reason: 'CertificateNotPublic', message: note }] }),
    ...(unknownRecipients !== undefined &&
      unknownRecipients.count > 0 && {
        unknownRecipients: {
          count: unknownRecipients.count,
          ...(unknownRecipients.lastAt !== undefined && { lastTime: unknownRecipients.lastAt }),
          ...(unknownRecipients.lastPeer !== undefined && { lastPeer: unknownRecipients.lastPeer }),
        },
      }),
  };
  const smtpBlocked = noArchive ?? key.verdict ?? certificate;
  const retryAt = soonest([silentSince(workers.receiver), silentSince(workers.poller)], now);
  return {
    ...(receiver !== undefined && { receiver }),
    ...(poller !== undefined && { poller }),
    status,
    ...(key.bytes !== undefined && { addressKey: key.bytes }),
    blocked: { ...(smtpBlocked && { SMTP: smtpBlocked }), ...(noArchive && { IMAP: noArchive }) },
    ...(note !== undefined && { certificateNote: note }),
    ...(retryAt !== undefined && { retryAt }),
  };
}

/** The earliest of these times that lies ahead. */
export function soonest(times: readonly (number | undefined)[], now: number): number | undefined {
  const ahead = times.filter((time) => time !== undefined && Number.isFinite(time) && time > now);
  return ahead.length === 0 ? undefined : Math.min(...ahead.map(Number));
}

function addressKeyOf({ gateway, material }: GatewayInput): { bytes?: Uint8Array; verdict?: Verdict } {
  const { addressKey } = material;
  if (addressKey === undefined)
    return { verdict: verdictOf('Unknown', 'Progressing', 'The address key is being read.') };
  if (!(addressKey instanceof Uint8Array)) {
    return { verdict: verdictOf('False', addressKey.reason, addressKey.message) };
  }
  const known = gateway.status?.addressKeyFingerprint;
  const fingerprint = keyFingerprint(addressKey);
  if (known === undefined || known === fingerprint) return { bytes: addressKey };
  return {
    verdict: verdictOf(
      'False',
      'AddressKeyChanged',
      `The address key has the fingerprint ${fingerprint}, and this gateway used ${known} before. ${reasons.AddressKeyChanged.action}`,
    ),
  };
}

function archiveVerdict({ gateway, archive }: GatewayInput): Verdict | undefined {
  if (archive !== undefined) return undefined;
  const { namespace } = gateway.metadata;
  return verdictOf(
    'False',
    'NoArchive',
    `There is no MailArchive ${namespace}/${gateway.spec.archiveRef.name}, which the MailGateway ${gateway.metadata.name} names; make it, or correct spec.archiveRef.`,
  );
}

function certificateVerdict({ certificate, certificateFault }: GatewayMaterial): Verdict | undefined {
  if (certificateFault !== undefined) return verdictOf('False', certificateFault.reason, certificateFault.message);
  if (certificate === undefined) return verdictOf('Unknown', 'Progressing', 'The certificate is being read or made.');
  return undefined;
}

function workingVerdict(gateway: MailGateway, material: GatewayMaterial): Verdict {
  const note = certificateNote(gateway, material);
  const message = `Takes mail for ${gateway.spec.journalDomain}.`;
  return verdictOf('True', 'Succeeded', note === undefined ? message : `${message} ${note}`);
}

function certificateNote({ spec }: MailGateway, { certificate }: GatewayMaterial): string | undefined {
  if (certificate?.issuedByUs !== true) return undefined;
  return `CertificateNotPublic: Mailhold issued the certificate of ${spec.hostName} itself, so senders that verify it will not deliver; give one in spec.tls of the MailGateway.`;
}

function receiverGroup({ platform, folder, gateway, archive, material }: GatewayInput): ReceiverGroup | undefined {
  const { certificate, selfTestKey } = material;
  if (archive === undefined || certificate === undefined || selfTestKey === undefined) return undefined;
  const { spec } = gateway;
  const { limits } = spec.receiver;
  const listen =
    platform === 'kubernetes' ? POD_LISTENER : (spec.receiver.listen ?? { address: '0.0.0.0', port: 2525 });
  return withRevision({
    ...groupBase(gateway, archive, platform, folder),
    role: 'receiver' as const,
    hostName: spec.hostName.toLowerCase(),
    journalDomain: spec.journalDomain.toLowerCase(),
    listen,
    certificate: { ...certificate, ...(spec.tls?.caBundle !== undefined && { caBundle: spec.tls.caBundle }) },
    limits: { ...limits, bytesInFlight: bytes(limits.bytesInFlight) },
    selfTest: { key: selfTestKey, dial: material.dial ?? { address: dialable(listen.address), port: listen.port } },
    hiddenPeerRanges: [],
  });
}

function pollerGroup({ platform, folder, gateway, archive, material }: GatewayInput): PollerGroup | undefined {
  if (archive === undefined) return undefined;
  return withRevision({
    ...groupBase(gateway, archive, platform, folder),
    role: 'poller' as const,
    bytesInFlight: bytes(gateway.spec.poller.bytesInFlight),
    egress: egressOf(gateway.spec.egress, material.clusterRanges ?? []),
  });
}

function groupBase({ metadata }: MailGateway, { spec }: MailArchive, platform: Platform, folder: string | undefined) {
  const path = platform === 'kubernetes' ? MOUNTED_ARCHIVE : resolve(folder ?? '.', spec.volume.path ?? '');
  return {
    version: 1 as const,
    gateway: { namespace: metadata.namespace, name: metadata.name },
    archive: { path, reserveBytes: bytes(spec.reserve) },
  };
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
