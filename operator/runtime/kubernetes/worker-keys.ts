import type { ObjectName } from '../../../workers/process/contract.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/types.ts';
import { keyOf } from '../../plan/plan.ts';
import { keepOnly } from '../keep-only.ts';
import type { WorkerTls } from '../workers/worker-endpoint.ts';
import { createStatusTLS, type StatusTLS } from './status-tls.ts';
import { openWorkerAuthority, type WorkerAuthority } from './worker-authority.ts';

/** The keys by which the operator and its workers know each other. */
export interface WorkerKeys {
  /**
   * Makes and renews the keys of a gateway's workers, and our own.
   *
   * @param now ms since 1970
   * @returns when to come again, in ms since 1970
   * @throws ApiError
   */
  bring(gateway: MailGateway, now: number): Promise<number>;
  /** A pod of the gateway waits, maybe for its keys: the next `bring` looks whether they are still there. */
  doubt(gateway: ObjectName): void;
  /** Forgets gateways that are gone. */
  keep(gateways: readonly MailGateway[]): void;
  /** What we show to a worker of this gateway, and what we demand of it. @throws where nothing was brought yet */
  clientTls(gateway: ObjectName): WorkerTls;
}

/** @param namespace the operator's own */
export function createWorkerKeys(client: KubeClient, namespace: string, log: Log): WorkerKeys {
  let opened: { authority: WorkerAuthority; statusTLS: StatusTLS } | undefined;
  /** By key of the gateway: what was logged last, so that it is logged once. */
  const faults = new Map<string, string>();

  return {
    bring: async (gateway, now) => {
      if (opened === undefined) {
        const authority = await openWorkerAuthority(client, namespace, now);
        opened = { authority, statusTLS: createStatusTLS(client, authority) };
      }
      const ownAgainAt = await opened.authority.bring(now);
      const { readAgainAt, fault } = await opened.statusTLS.bring(gateway, now);
      const key = keyOf(gateway);
      if (fault === undefined) faults.delete(key);
      else if (faults.get(key) !== fault.message) {
        faults.set(key, fault.message);
        log.error('worker-keys-missing', { gateway: key, text: fault.message });
      }
      return Math.min(ownAgainAt, readAgainAt);
    },
    doubt: (gateway) => opened?.statusTLS.doubt(gateway),
    keep: (gateways) => {
      opened?.statusTLS.keep(gateways);
      const present = new Set(gateways.map(keyOf));
      keepOnly(faults, present);
    },
    clientTls: (gateway) => {
      if (opened === undefined) throw new Error('the keys of the workers have not been read yet');
      return opened.authority.clientTls(gateway);
    },
  };
}
