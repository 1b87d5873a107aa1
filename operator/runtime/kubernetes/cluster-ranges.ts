import { isIP } from 'node:net';
import type { KubeObject } from '../../kube/types.ts';

/** networking.k8s.io/v1 ServiceCIDR, as far as it is read here. */
export interface ServiceCIDR extends KubeObject {
  spec?: { cidrs?: string[] };
}

/** core/v1 Node, as far as it is read here. */
export interface ClusterNode extends KubeObject {
  spec?: { podCIDRs?: string[] };
  status?: { addresses?: { type: string; address: string }[] };
}

/**
 * The ranges of the cluster that it tells of itself: of Services, of each node's pods, and of the nodes' addresses. Many
 * networks fill no podCIDRs, so that a gateway can name more in spec.egress.clusterRanges.
 *
 * @returns CIDRs, sorted, each once: equal clusters give equal configuration
 */
export function clusterRanges(services: readonly ServiceCIDR[], nodes: readonly ClusterNode[]): string[] {
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
