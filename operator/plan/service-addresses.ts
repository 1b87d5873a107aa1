import { isIPv6 } from 'node:net';
import type { MailGateway, MailGatewayStatus } from '../api/mail-gateway.ts';
import type { ReceiverServiceState } from './inputs.ts';

/** The schema's bound on lists in status. */
const LIST_LIMIT = 32;

/** What to connect to: the load balancer, the nodes with their port, or the address that only the cluster has. */
export function serviceAddresses({ spec }: MailGateway, service: ReceiverServiceState): string[] {
  switch (spec.receiver.service?.type ?? 'LoadBalancer') {
    case 'ClusterIP':
      return service.clusterIP === undefined ? [] : [service.clusterIP];
    case 'NodePort': {
      const { nodePort } = service;
      if (nodePort === undefined) return [];
      return limited(service.addresses.map((address) => `${isIPv6(address) ? `[${address}]` : address}:${nodePort}`));
    }
    case 'LoadBalancer':
      return limited(service.addresses);
  }
}

type DNSRecord = NonNullable<MailGatewayStatus['dnsRecords']>[number];

/**
 * The records that lead mail to the gateway: the MX of the journal domain, and the addresses of the host name. A Service
 * of type ClusterIP has no address that a record could hold.
 *
 * A load balancer that has only a name gives a CNAME; beside the MX of the same name that cannot stand (RFC 1034 section
 * 3.6.2), so then there is none, and {@link aliasNote} says so.
 */
export function dnsRecords({ spec }: MailGateway, service: ReceiverServiceState): DNSRecord[] {
  const host = spec.hostName.toLowerCase();
  const domain = spec.journalDomain.toLowerCase();
  const inside = spec.receiver.service?.type === 'ClusterIP';
  const records = (inside ? [] : service.addresses).flatMap((address): DNSRecord[] => {
    const type = recordType(address);
    if (type === 'CNAME') return host === domain ? [] : [{ name: host, type, value: `${address}.` }];
    return [{ name: host, type, value: address }];
  });
  return limited([{ name: domain, type: 'MX' as const, value: `10 ${host}.` }, ...records]);
}

/** What to do where the load balancer has a name and no address, and the host name cannot be an alias of it. */
export function aliasNote({ spec }: MailGateway, service: ReceiverServiceState): string | undefined {
  if (spec.hostName.toLowerCase() !== spec.journalDomain.toLowerCase()) return undefined;
  const name = service.addresses.find((address) => recordType(address) === 'CNAME');
  if (name === undefined || spec.receiver.service?.type === 'ClusterIP') return undefined;
  return `The load balancer has only the name ${name}, and ${spec.hostName} cannot have an MX record and be an alias too: give it the addresses of that name, or write another spec.hostName.`;
}

/** Mail servers know no port but 25. */
export function portNote({ spec }: MailGateway, { nodePort }: ReceiverServiceState): string | undefined {
  if (spec.receiver.service?.type !== 'NodePort' || nodePort === undefined) return undefined;
  return `Lead port 25 to port ${nodePort} of the nodes, since mail servers use no other.`;
}

function recordType(address: string): 'A' | 'AAAA' | 'CNAME' {
  if (isIPv6(address)) return 'AAAA';
  return /^[0-9.]+$/.test(address) ? 'A' : 'CNAME';
}

function limited<T>(list: readonly T[]): T[] {
  return list.slice(0, LIST_LIMIT);
}
