import type { ArchiveConnection } from '../api/archive-connection.ts';
import type { MailGateway } from '../api/mail-gateway.ts';
import { isOlder } from './conflict.ts';
import type { InputFault } from './inputs.ts';

/**
 * Connections beyond what the gateway admits per namespace, the youngest first, by uid.
 *
 * @param attached the connections that resolve to this gateway
 */
export function quotaFaults(gateway: MailGateway, attached: readonly ArchiveConnection[]): Map<string, InputFault> {
  const limit = gateway.spec.connectionsPerNamespace;
  const faults = new Map<string, InputFault>();
  for (const [namespace, connections] of Map.groupBy(attached, ({ metadata }) => metadata.namespace)) {
    if (connections.length <= limit) continue;
    const byAge = connections.toSorted((a, b) => (isOlder(a.metadata, b.metadata) ? -1 : 1));
    for (const { metadata } of byAge.slice(limit)) {
      faults.set(metadata.uid, {
        reason: 'QuotaExceeded',
        message: `The MailGateway ${gateway.metadata.namespace}/${gateway.metadata.name} admits ${limit} connections of the namespace ${namespace}, and ${limit} are older. Delete one, or have spec.connectionsPerNamespace raised.`,
      });
    }
  }
  return faults;
}
