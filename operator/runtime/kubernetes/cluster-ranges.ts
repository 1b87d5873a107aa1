import { isIP } from 'node:net';
import type { LiveNode, LiveServiceCIDR } from './watched.ts';

/**
 * The ranges of the cluster that it tells of itself: of Services, of each node's pods, and of the nodes' addresses. Many
 * networks fill no podCIDRs, so that a gateway can name more in spec.egress.clusterRanges.
 *
 * @returns CIDRs, sorted, each once: equal clusters give equal configuration
 */
export function clusterRanges(services: readonly LiveServiceCIDR[], nodes: readonly LiveNode[]): string[] {
  const ranges = [
    ...services.flatMap(({ spec }) => spec?.cidrs ?? []),
    ...nodes.flatMap(({ spec }) => spec?.podCIDRs ?? []),
    ...nodes.flatMap(({ status }) => status?.addresses ?? []).flatMap(({ address }) => single(address)),
  ];
  return [...new Set(ranges)].sort();
}

/** Node addresses are also host names (types Hostname, InternalDNS, ExternalDNS). */
function single(address: string): string[] {
  const family = isIP(address);
  if (family === 0) return [];
  return [`${address}/${family === 4 ? 32 : 128}`];
}
