import type { PollerGroup, ReceiverGroup } from '../../workers/process/contract.ts';
import { type Verdict, verdictOf } from '../api/conditions.ts';
import type { MailGateway, MailGatewayStatus } from '../api/mail-gateway.ts';
import { reasons } from '../api/reasons.ts';
import { keyFingerprint } from './address.ts';
import { claimVerdict } from './claim.ts';
import { gatewayStatus } from './gateway-status.ts';
import { hiddenPeers } from './hidden-peers.ts';
import type { GatewayInput, GatewayMaterial, ReceiverServiceState } from './inputs.ts';
import { aliasNote, portNote, serviceAddresses } from './service-addresses.ts';
import { firstVerdict } from './verdict.ts';
import { effectiveReplicas, isShareable } from './volume-sharing.ts';
import { pollerGroups, receiverGroup } from './worker-groups.ts';
import { silentSince, workerVerdict } from './worker-verdict.ts';

export interface GatewayPlan {
  /** Absent where it cannot be planned now: what runs goes on with what it has. */
  receiver?: ReceiverGroup;
  /** By shard; standalone has one. None where they cannot be planned now. */
  pollers: PollerGroup[];
  /** How many receivers there are to be: one where the volume cannot be shared, whatever was asked for. */
  replicas: number;
  /** Whether workers on several nodes may mount the volume of the archive. */
  shareable: boolean;
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
  const { gateway, archive, claim, material, workers, now } = input;
  const unmanaged = managedVerdict(input);
  const key: { bytes?: Uint8Array; verdict?: Verdict } = unmanaged === undefined ? addressKeyOf(input) : {};
  const noArchive = archiveVerdict(input);
  const certificate = certificateVerdict(material);
  const receiver = unmanaged === undefined ? receiverGroup(input) : undefined;
  const pollers = unmanaged === undefined ? pollerGroups(input) : [];

  const ready =
    firstVerdict([
      () => unmanaged, // workers may run here
      () => noArchive, // nothing is taken without a place to keep it
      () => key.verdict, // no address without its key, and never with another one
      () => certificate, // no mail without a certificate that can be used
      () => input.refused && verdictOf('False', input.refused.reason, input.refused.message), // its objects are taken
      () => volumeVerdict(input), // the workers can start at all
      () => serviceVerdict(input), // and can be reached
      () => workerVerdict(workers.receiver, receiver?.revision, now), // the receiver serves this
      ...pollers.map(
        ({ revision }, shard) =>
          () =>
            workerVerdict(workers.pollers?.[shard], revision, now),
      ), // so do pollers
    ]) ?? workingVerdict(gateway, material);

  const smtpBlocked = unmanaged ?? noArchive ?? key.verdict ?? certificate;
  const imapBlocked = unmanaged ?? noArchive;
  const note = certificateNote(gateway, material);
  const everyone = [workers.receiver, ...(workers.pollers ?? [])];
  const retryAt = soonest([...everyone.map(silentSince), hiddenPeers(workers.receiver, now)?.until], now);
  return {
    ...(receiver !== undefined && { receiver }),
    pollers,
    replicas: archive === undefined ? 0 : effectiveReplicas(gateway, archive, claim),
    shareable: archive !== undefined && isShareable(archive, claim),
    status: gatewayStatus(input, ready, key.bytes, note),
    ...(key.bytes !== undefined && { addressKey: key.bytes }),
    blocked: { ...(smtpBlocked && { SMTP: smtpBlocked }), ...(imapBlocked && { IMAP: imapBlocked }) },
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

function managedVerdict({ gateway, managed }: GatewayInput): Verdict | undefined {
  if (managed) return undefined;
  const { namespace } = gateway.metadata;
  return verdictOf(
    'False',
    'NamespaceNotAllowed',
    `Mailhold may not run workers in the namespace ${namespace}: add it to the Helm value gatewayNamespaces, or make the MailGateway in a namespace that is listed there.`,
  );
}

function volumeVerdict({ platform, archive, claim }: GatewayInput): Verdict | undefined {
  if (platform !== 'kubernetes' || archive === undefined) return undefined;
  const verdict = claimVerdict(archive, claim);
  // While it is on its way, so are the workers, and their own words say more.
  return verdict?.status === 'False' ? verdict : undefined;
}

function serviceVerdict({ platform, material }: GatewayInput): Verdict | undefined {
  if (platform !== 'kubernetes' || material.service?.clusterIP !== undefined) return undefined;
  return verdictOf('Unknown', 'Progressing', 'The Service of the receivers is being made.');
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
  const words = [
    `Takes mail for ${gateway.spec.journalDomain}.`,
    material.service && addressNote(gateway, material.service),
    note,
  ];
  return verdictOf('True', 'Succeeded', words.filter((word) => word !== undefined).join(' '));
}

function certificateNote({ spec }: MailGateway, { certificate }: GatewayMaterial): string | undefined {
  if (certificate?.issuedByUs !== true) return undefined;
  return `CertificateNotPublic: Mailhold issued the certificate of ${spec.hostName} itself, so senders that verify it will not deliver; give one in spec.tls of the MailGateway.`;
}

function addressNote(gateway: MailGateway, service: ReceiverServiceState): string | undefined {
  if (serviceAddresses(gateway, service).length === 0) return 'The cluster has not given its Service an address yet.';
  return portNote(gateway, service) ?? aliasNote(gateway, service);
}
