import { X509Certificate } from 'node:crypto';
import type { ObjectName } from '../../../workers/process/contract.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import type { KubeClient } from '../../kube/client.ts';
import { statusTLSName } from '../../plan/children/names.ts';
import type { InputFault } from '../../plan/inputs.ts';
import { keyOf } from '../../plan/plan.ts';
import { renewalTime } from '../certificates/life.ts';
import { pairFault } from '../certificates/pair-fault.ts';
import { keepOnly } from '../keep-only.ts';
import { types } from './resource-types.ts';
import { gatewaySecret, keyPairOf, MANAGER, type SecretObject, secretFault, textOf } from './secret-object.ts';
import { type WorkerAuthority, workerServerName } from './worker-authority.ts';

const READ_AGAIN_MS = 300_000;
const TRY_AGAIN_MS = 30_000;
/** A pod may wait for other things than its keys: they are not looked at more often than this. */
const DOUBT_MS = 5_000;

export interface StatusTLS {
  /**
   * Sees to the Secret that the gateway's workers serve /status with: issued anew where it is missing, cannot be used, is
   * signed by another authority, or has passed two thirds of its life.
   *
   * @param now ms since 1970
   */
  bring(gateway: MailGateway, now: number): Promise<StatusTLSState>;
  /** A pod waits, maybe for these keys: they are read again, 5 s after the last time at the earliest. */
  doubt(gateway: ObjectName): void;
  /** Forgets gateways that are gone; their Secrets go with them. */
  keep(gateways: readonly MailGateway[]): void;
}

export interface StatusTLSState {
  /** In ms since 1970. */
  readAgainAt: number;
  /** Why the workers have no keys now. */
  fault?: InputFault;
}

export function createStatusTLS(client: KubeClient, authority: WorkerAuthority): StatusTLS {
  /** By key of the gateway. */
  const known = new Map<string, StatusTLSState & { uid: string; ca: string; readAt: number }>();

  const bringNow = async (gateway: MailGateway, now: number): Promise<StatusTLSState> => {
    const { namespace, name } = gateway.metadata;
    const ref = { namespace, name: statusTLSName(name) };
    const serverName = workerServerName(gateway.metadata);
    let use: 'read' | 'write' = 'read';
    try {
      const kept = await client.get<SecretObject>(types.Secret, ref);
      let renewAt = kept && renewalOf(kept, serverName, authority.ca);
      if (renewAt === undefined || now >= renewAt) {
        const { certificate, privateKey } = await authority.issueServer([serverName], now);
        const texts = { 'tls.crt': certificate, 'tls.key': privateKey, 'ca.crt': authority.ca };
        use = 'write';
        await client.apply(types.Secret, gatewaySecret(gateway, ref.name, 'Opaque', texts), { manager: MANAGER });
        renewAt = renewalTime(certificate);
      }
      return { readAgainAt: Math.min(now + READ_AGAIN_MS, renewAt) };
    } catch (error) {
      const fault = secretFault(error, ref, use);
      return { readAgainAt: now + TRY_AGAIN_MS, ...(fault && { fault }) };
    }
  };

  return {
    bring: async (gateway, now) => {
      const { uid } = gateway.metadata;
      const key = keyOf(gateway);
      const before = known.get(key);
      const { ca } = authority;
      if (before?.uid === uid && before.ca === ca && now < before.readAgainAt) return before;
      const state = { ...(await bringNow(gateway, now)), uid, ca, readAt: now };
      known.set(key, state);
      return state;
    },
    doubt: ({ namespace, name }) => {
      const state = known.get(`${namespace}/${name}`);
      if (state !== undefined) state.readAgainAt = Math.min(state.readAgainAt, state.readAt + DOUBT_MS);
    },
    keep: (gateways) => {
      const present = new Set(gateways.map(keyOf));
      keepOnly(known, present);
    },
  };
}

/** When the kept certificate is due, in ms since 1970; undefined where it cannot be used. */
function renewalOf(secret: SecretObject, serverName: string, ca: string): number | undefined {
  const { certificate, privateKey } = keyPairOf(secret);
  if (certificate === undefined || privateKey === undefined || textOf(secret, 'ca.crt') !== ca) return undefined;
  if (pairFault(certificate, privateKey, { certificate: 'tls.crt', privateKey: 'tls.key' }) !== undefined)
    return undefined;
  const parsed = new X509Certificate(certificate);
  const isOurs = parsed.verify(new X509Certificate(ca).publicKey) && parsed.checkHost(serverName) !== undefined;
  return isOurs ? renewalTime(certificate) : undefined;
}
