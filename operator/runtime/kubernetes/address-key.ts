import { randomBytes } from 'node:crypto';
import type { MailGateway } from '../../api/mail-gateway.ts';
import { ApiError } from '../../kube/api-error.ts';
import type { KubeClient, ObjectRef } from '../../kube/client.ts';
import { gatewayLabels } from '../../plan/children/labels.ts';
import type { InputFault } from '../../plan/inputs.ts';
import { types } from './resource-types.ts';
import { bytesOf, keysInWords, MANAGER, type SecretObject, secretFault } from './secret-object.ts';

const KEY_BYTES = 32;
/** An address key has as many bits as the derivation of addresses uses of its digest. */
const LEAST_KEY_BYTES = 16;

/** The Secret with the key that a gateway's addresses are derived from, where the gateway names none. */
export function addressKeyName(gateway: string): string {
  return `${gateway}-address-key`;
}

/**
 * The key that the addresses of a gateway are derived from: of the Secret that it names, or of one that is made once and
 * never overwritten. That one outlives its gateway, since with it go all addresses.
 *
 * @param wasSeen whether this process has read a key of this gateway before
 * @returns the raw bytes; undefined where the API server cannot be asked now
 */
export async function readAddressKey(
  client: KubeClient,
  gateway: MailGateway,
  wasSeen: boolean,
): Promise<Uint8Array | InputFault | undefined> {
  const { metadata, spec, status } = gateway;
  const { namespace } = metadata;
  const given = spec.addressKeyRef?.name;
  const ref = { namespace, name: given ?? addressKeyName(metadata.name) };
  let use: 'read' | 'write' = 'read';
  try {
    const found = await client.get<SecretObject>(types.Secret, ref);
    if (found !== undefined) return keyOf(found, ref);
    if (given !== undefined) return missing(ref);
    if (wasSeen || status?.addressKeyFingerprint !== undefined) return lost(ref, status?.addressKeyFingerprint);
    use = 'write';
    return keyOf(await createKey(client, ref, metadata.name), ref);
  } catch (error) {
    return secretFault(error, ref, use);
  }
}

/** The first one wins, also where two operators try at once. */
async function createKey(client: KubeClient, ref: Required<ObjectRef>, gateway: string): Promise<SecretObject> {
  const secret: SecretObject = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...ref, labels: gatewayLabels(gateway) },
    type: 'Opaque',
    immutable: true,
    data: { key: randomBytes(KEY_BYTES).toString('base64') },
  };
  try {
    return await client.create<SecretObject>(types.Secret, secret, { manager: MANAGER });
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'AlreadyExists')) throw error;
    const theirs = await client.get<SecretObject>(types.Secret, ref);
    if (theirs === undefined) throw error;
    return theirs;
  }
}

function keyOf(secret: SecretObject, { namespace, name }: ObjectRef): Uint8Array | InputFault {
  const key = bytesOf(secret, 'key');
  if (key !== undefined && key.length >= LEAST_KEY_BYTES) return key;
  const words =
    key === undefined
      ? `has no key named "key"; ${keysInWords(secret)}`
      : `holds ${key.length} bytes under "key", and an address key has ${LEAST_KEY_BYTES} or more`;
  return { reason: 'SecretKeyMissing', message: `The Secret ${namespace}/${name} ${words}.` };
}

function missing({ namespace, name }: ObjectRef): InputFault {
  return {
    reason: 'SecretNotFound',
    message: `The Secret ${namespace}/${name}, which spec.addressKeyRef names, does not exist; create it from a file with ${KEY_BYTES} random bytes: ${createCommand({ namespace: namespace ?? '', name })}`,
  };
}

function lost({ namespace, name }: ObjectRef, fingerprint: string | undefined): InputFault {
  const known = fingerprint === undefined ? 'The' : `The key with the fingerprint ${fingerprint} is missing: the`;
  return {
    reason: 'AddressKeyChanged',
    message: `${known} Secret ${namespace}/${name}, which the addresses of this gateway are derived from, was deleted. Bring it back from your backup (kubectl apply -f BACKUP, or ${createCommand({ namespace: namespace ?? '', name })}). No new key is made, since every address would change; to want that, make the MailGateway anew.`,
  };
}

function createCommand({ namespace, name }: Required<ObjectRef>): string {
  return `kubectl create secret generic ${name} -n ${namespace} --from-file=key=FILE`;
}
