import type { ObjectName } from '../../../workers/process/contract.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/types.ts';
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
  /** What we show to a worker of this gateway, and what we demand of it. @throws where nothing was brought yet */
  clientTls(gateway: ObjectName): WorkerTls;
}

/** @param namespace the operator's own */
export function createWorkerKeys(client: KubeClient, namespace: string, log: Log): WorkerKeys {
  let opened: { authority: WorkerAuthority; statusTLS: StatusTLS } | undefined;
  return {
    bring: async (gateway, now) => {
      if (opened === undefined) {
        const authority = await openWorkerAuthority(client, namespace, now);
        opened = { authority, statusTLS: createStatusTLS(client, authority) };
      }
      const ownAgainAt = await opened.authority.bring(now);
      const { readAgainAt, fault } = await opened.statusTLS.bring(gateway, now);
      if (fault !== undefined)
        log.error('worker-keys-missing', { gateway: gateway.metadata.name, text: fault.message });
      return Math.min(ownAgainAt, readAgainAt);
    },
    clientTls: (gateway) => {
      if (opened === undefined) throw new Error('the keys of the workers have not been read yet');
      return opened.authority.clientTls(gateway);
    },
  };
}
