import { createHmac } from 'node:crypto';
import type { ObjectName } from '../../../workers/process/contract.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { GatewayMaterial } from '../../plan/inputs.ts';
import { keyOf } from '../../plan/plan.ts';
import { keepOnly } from '../keep-only.ts';
import { readAddressKey } from './address-key.ts';
import { type CertificateReading, readCertificate } from './gateway-certificate.ts';

const HEALTHY_MS = 300_000;
const FAILING_MS = 30_000;

/** What Secrets hold for a gateway. */
export type SecretMaterial = Pick<GatewayMaterial, 'addressKey' | 'certificate' | 'certificateFault' | 'selfTestKey'>;

export interface ReadMaterial {
  material: SecretMaterial;
  /** In ms since 1970. */
  readAgainAt: number;
}

export interface GatewayMaterials {
  /**
   * Reads the Secrets of a gateway, and makes those that it was not given. What was read is kept: for five minutes, for
   * half a minute where something is wrong, and until the manifest changes.
   *
   * @param now ms since 1970
   */
  read(gateway: MailGateway, now: number): Promise<ReadMaterial>;
  /** The next `read` reads all of it again. @param key `namespace/name` */
  mark(key: string): void;
  /** Forgets gateways that are gone, and with them their keys. */
  keep(gateways: readonly MailGateway[]): void;
}

interface Held extends ReadMaterial {
  uid: string;
  generation: number;
}

export function createGatewayMaterials(client: KubeClient): GatewayMaterials {
  const held = new Map<string, Held>();

  return {
    read: async (gateway, now) => {
      const { namespace, name, uid, generation } = gateway.metadata;
      const key = `${namespace}/${name}`;
      const kept = held.get(key);
      const before = kept?.uid === uid ? kept : undefined;
      if (before?.generation === generation && now < before.readAgainAt) return before;

      // The last key's, also where the key is missing now: a renewed certificate still reaches the receivers.
      const keySeen = before?.material.selfTestKey;
      const addressKey = await readAddressKey(client, gateway, keySeen !== undefined);
      const reading = await readCertificate(client, gateway, now);
      const shownKey = addressKey ?? before?.material.addressKey;
      const selfTestKey = shownKey instanceof Uint8Array ? deriveSelfTestKey(shownKey, gateway.metadata) : keySeen;
      const material: SecretMaterial = {
        ...(shownKey !== undefined && { addressKey: shownKey }),
        ...(selfTestKey !== undefined && { selfTestKey }),
        ...certificateOf(reading, before?.material),
      };
      const good = addressKey instanceof Uint8Array && reading?.kind === 'certificate';
      const renewAt = reading?.kind === 'certificate' ? (reading.renewAt ?? Infinity) : Infinity;
      const readAgainAt = Math.min(now + (good ? HEALTHY_MS : FAILING_MS), renewAt);
      const read = { uid, generation, material, readAgainAt };
      held.set(key, read);
      return read;
    },
    mark: (key) => {
      const kept = held.get(key);
      if (kept !== undefined) kept.readAgainAt = 0;
    },
    keep: (gateways) => {
      const present = new Set(gateways.map(keyOf));
      keepOnly(held, present);
    },
  };
}

/** The last good certificate goes on serving while a fault is told, and while nothing can be read. */
function certificateOf(
  reading: CertificateReading | undefined,
  before: SecretMaterial | undefined,
): Pick<SecretMaterial, 'certificate' | 'certificateFault'> {
  if (reading?.kind === 'certificate') return { certificate: reading.certificate };
  const { certificate, certificateFault } = before ?? {};
  const fault = reading?.fault ?? certificateFault;
  return { ...(certificate && { certificate }), ...(fault && { certificateFault: fault }) };
}

/** All receivers of a group derive the same one, and nothing more has to be kept. Base64. */
function deriveSelfTestKey(addressKey: Uint8Array, { namespace, name }: ObjectName): string {
  return createHmac('sha256', addressKey).update(`mailhold-self-test-v1\0${namespace}\0${name}`).digest('base64');
}
