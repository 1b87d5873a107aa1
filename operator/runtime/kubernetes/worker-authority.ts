import { X509Certificate } from 'node:crypto';
import type { ObjectName } from '../../../workers/process/contract.ts';
import { ApiError } from '../../kube/api-error.ts';
import type { KubeClient } from '../../kube/client.ts';
import { newAuthority, signClient, signServer } from '../certificates/authority.ts';
import { renewalTime, validityFrom } from '../certificates/life.ts';
import { pairFault } from '../certificates/pair-fault.ts';
import type { KeyPair } from '../certificates/sign-certificate.ts';
import type { WorkerTls } from '../workers/worker-endpoint.ts';
import { types } from './resource-types.ts';
import { MANAGER, type SecretObject, textOf } from './secret-object.ts';

const DAY_MS = 86_400_000;
const AUTHORITY_LIFE_MS = 3_650 * DAY_MS;
const SERVER_LIFE_MS = 90 * DAY_MS;
const CLIENT_LIFE_MS = 7 * DAY_MS;
const READ_AGAIN_MS = 300_000;
const SECRET = 'mailhold-worker-authority';
/** By this name workers know the operator (workers/process/worker.ts). */
const OPERATOR_NAME = 'mailhold-operator';

/** The private authority of the calls between the operator and its workers. Nobody else trusts it. */
export interface WorkerAuthority {
  /** PEM of its certificate. */
  readonly ca: string;
  /** A certificate for a worker's status server. */
  issueServer(names: readonly string[], now: number): Promise<KeyPair>;
  /** What the operator shows to a worker of this gateway, and what it demands of it. */
  clientTls(gateway: ObjectName): WorkerTls;
  /**
   * Follows the Secret with the authority's keys, and renews the operator's own ones.
   *
   * @param now ms since 1970
   * @returns when it wants to be called again, in ms since 1970
   * @throws ApiError where the Secret cannot be read; what is held goes on
   */
  bring(now: number): Promise<number>;
}

/** The name in the certificate of a worker's status server. Pods come and go with their addresses; it stays. */
export function workerServerName({ namespace, name }: ObjectName): string {
  return `${name}.${namespace}.workers.mailhold.internal`;
}

/**
 * Opens the authority: reads its Secret in the operator's own namespace, or makes it. Deleting the Secret makes a new
 * authority within five minutes, and with it new keys of all workers.
 *
 * @param namespace the operator's own
 * @param now ms since 1970
 * @throws ApiError
 */
export async function openWorkerAuthority(
  client: KubeClient,
  namespace: string,
  now: number,
): Promise<WorkerAuthority> {
  let authority = await readOrMake(client, namespace, now);
  let identity = await identify(authority, now);
  let readAgainAt = now + READ_AGAIN_MS;

  return {
    get ca() {
      return authority.certificate;
    },
    issueServer: (names, at) => signServer(authority, names, validityFrom(at, SERVER_LIFE_MS)),
    clientTls: (gateway) => ({
      ca: authority.certificate,
      cert: identity.certificate,
      key: identity.privateKey,
      servername: workerServerName(gateway),
    }),
    bring: async (at) => {
      let next = authority;
      if (at >= readAgainAt) {
        next = await readOrMake(client, namespace, at);
        readAgainAt = at + READ_AGAIN_MS;
      }
      if (next.certificate !== authority.certificate || at >= identity.renewAt) {
        // Both change in one turn: a call never shows keys of one authority and trusts another.
        identity = await identify(next, at);
        authority = next;
      }
      return Math.min(readAgainAt, identity.renewAt);
    },
  };
}

async function identify(authority: KeyPair, now: number): Promise<KeyPair & { renewAt: number }> {
  const pair = await signClient(authority, OPERATOR_NAME, validityFrom(now, CLIENT_LIFE_MS));
  return { ...pair, renewAt: renewalTime(pair.certificate) };
}

async function readOrMake(client: KubeClient, namespace: string, now: number): Promise<KeyPair> {
  const ref = { namespace, name: SECRET };
  const kept = await client.get<SecretObject>(types.Secret, ref);
  const usable = kept && usableAuthority(kept, now);
  if (usable !== undefined) return usable;
  const made = await newAuthority('Mailhold workers', validityFrom(now, AUTHORITY_LIFE_MS));
  const data = {
    'ca.crt': Buffer.from(made.certificate).toString('base64'),
    'ca.key': Buffer.from(made.privateKey).toString('base64'),
  };
  try {
    if (kept === undefined) {
      await client.create<SecretObject>(types.Secret, secretWith(namespace, data), { manager: MANAGER });
    } else {
      // Damaged or expired. Only this version of it is replaced: another operator may have done so already.
      const { resourceVersion } = kept.metadata;
      await client.patch(types.Secret, ref, { metadata: { resourceVersion }, data }, { manager: MANAGER });
    }
    return made;
  } catch (error) {
    const lost = error instanceof ApiError && (error.code === 'AlreadyExists' || error.code === 'Conflict');
    const winner = lost ? await client.get<SecretObject>(types.Secret, ref) : undefined;
    const theirs = winner && usableAuthority(winner, now);
    if (theirs === undefined) throw error;
    return theirs;
  }
}

function usableAuthority(secret: SecretObject, now: number): KeyPair | undefined {
  const certificate = textOf(secret, 'ca.crt');
  const privateKey = textOf(secret, 'ca.key');
  if (certificate === undefined || privateKey === undefined) return undefined;
  if (pairFault(certificate, privateKey, { certificate: 'ca.crt', privateKey: 'ca.key' }) !== undefined)
    return undefined;
  const { ca, validTo } = new X509Certificate(certificate);
  // What it signs must not outlive it.
  return ca && Date.parse(validTo) > now + SERVER_LIFE_MS ? { certificate, privateKey } : undefined;
}

function secretWith(namespace: string, data: Record<string, string>): SecretObject {
  const labels = { 'app.kubernetes.io/name': 'mailhold', 'app.kubernetes.io/managed-by': 'mailhold' };
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name: SECRET, labels }, type: 'Opaque', data };
}
