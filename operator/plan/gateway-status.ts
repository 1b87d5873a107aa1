import { conditionsOf, type Trouble, type Verdict } from '../api/conditions.ts';
import type { MailGatewayStatus } from '../api/mail-gateway.ts';
import { keyFingerprint } from './address.ts';
import { hiddenPeers } from './hidden-peers.ts';
import type { GatewayInput, WorkerReport } from './inputs.ts';
import { dnsRecords, serviceAddresses } from './service-addresses.ts';
import { effectiveReplicas, isShareable } from './volume-sharing.ts';
import { shardsOf } from './worker-groups.ts';

/**
 * The status of a gateway: its lights, how to reach it, and what its workers tell.
 *
 * @param key the address key that is used, raw bytes
 * @param certificateNote words on a certificate that senders will not trust
 */
export function gatewayStatus(
  input: GatewayInput,
  ready: Verdict,
  key: Uint8Array | undefined,
  certificateNote: string | undefined,
): MailGatewayStatus {
  const { platform, gateway, workers, attached, now } = input;
  const { status: previous, metadata } = gateway;
  const shards = shardsOf(platform, gateway);
  const fingerprint = previous?.addressKeyFingerprint ?? (key && keyFingerprint(key));
  const { unknownRecipients } = workers.receiver?.group ?? {};
  return {
    observedGeneration: metadata.generation,
    conditions: conditionsOf(
      { Ready: ready, troubles: troublesOf(input) },
      previous?.conditions,
      metadata.generation,
      now,
    ),
    ...reachedAt(input),
    receiver: { replicas: receiversOf(input), ready: readyWorkers(workers.receiver) },
    pollers: {
      shards,
      ready: Array.from({ length: shards }, (_, shard) => readyWorkers(workers.pollers?.[shard])).filter(Boolean)
        .length,
    },
    connections: attached,
    ...(fingerprint !== undefined && { addressKeyFingerprint: fingerprint }),
    ...(certificateNote !== undefined && { warnings: [{ reason: 'CertificateNotPublic', message: certificateNote }] }),
    ...(unknownRecipients !== undefined &&
      unknownRecipients.count > 0 && {
        unknownRecipients: {
          count: unknownRecipients.count,
          ...(unknownRecipients.lastAt !== undefined && { lastTime: unknownRecipients.lastAt }),
          ...(unknownRecipients.lastPeer !== undefined && { lastPeer: unknownRecipients.lastPeer }),
        },
      }),
  };
}

/** How to reach the receivers; as it was while nothing is known of the Service. */
function reachedAt({ gateway, material: { service } }: GatewayInput): MailGatewayStatus {
  const { addresses, dnsRecords: records } =
    service === undefined
      ? (gateway.status ?? {})
      : { addresses: serviceAddresses(gateway, service), dnsRecords: dnsRecords(gateway, service) };
  return { ...(addresses !== undefined && { addresses }), ...(records !== undefined && { dnsRecords: records }) };
}

function troublesOf(input: GatewayInput): Partial<Record<Trouble, string>> {
  const hidden = hiddenPeers(input.workers.receiver, input.now)?.words;
  const notShareable = volumeNotShareable(input);
  return {
    ...(notShareable !== undefined && { VolumeNotShareable: notShareable }),
    ...(hidden !== undefined && { PeerAddressHidden: hidden }),
  };
}

function volumeNotShareable({ platform, gateway, archive, claim }: GatewayInput): string | undefined {
  const replicas = gateway.spec.receiver.replicas ?? 1;
  if (platform !== 'kubernetes' || archive === undefined || replicas === 1 || isShareable(archive, claim)) {
    return undefined;
  }
  // What a claim of the owner's own can do is not known before it was read.
  const isRead = claim !== undefined && claim.missing !== true;
  if (archive.spec.volume.claimName !== undefined && !isRead) return undefined;
  return `The volume of the MailArchive ${archive.metadata.name} can be mounted on one node only, so there is one receiver and not ${replicas}. Use a MailArchive whose volume is ReadWriteMany, or write replicas: 1 in spec.receiver.`;
}

function receiversOf({ gateway, archive, claim }: GatewayInput): number {
  return archive === undefined ? 0 : effectiveReplicas(gateway, archive, claim);
}

function readyWorkers(report: WorkerReport | undefined): number {
  return report?.readyWorkers ?? (report?.group?.ready === true ? 1 : 0);
}
