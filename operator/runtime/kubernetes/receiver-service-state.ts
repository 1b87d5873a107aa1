import type { MailGateway } from '../../api/mail-gateway.ts';
import type { ReceiverServiceState } from '../../plan/inputs.ts';
import type { LiveNode, LiveService } from './watched.ts';

/** More nodes than this say no more to a person who writes a DNS record. */
const SHOWN_NODES = 8;

/** Where the receivers of a gateway can be reached, from their Service as it is now. */
export function receiverServiceState(
  { spec }: MailGateway,
  service: LiveService | undefined,
  nodes: readonly LiveNode[],
): ReceiverServiceState | undefined {
  const clusterIP = service?.spec?.clusterIP;
  if (service === undefined || clusterIP === undefined || clusterIP === '') return undefined;
  const nodePort = service.spec?.ports?.find(({ port }) => port === 25)?.nodePort;
  switch (spec.receiver.service?.type ?? 'LoadBalancer') {
    case 'ClusterIP':
      return { clusterIP, addresses: service.spec?.clusterIPs ?? [clusterIP] };
    case 'NodePort':
      return { clusterIP, addresses: nodeAddresses(nodes), ...(nodePort !== undefined && { nodePort }) };
    case 'LoadBalancer':
      return {
        clusterIP,
        addresses: (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }) => ip ?? hostname ?? []),
      };
  }
}

/** Those that the world can reach, where nodes have any. */
function nodeAddresses(nodes: readonly LiveNode[]): string[] {
  const all = nodes.flatMap(({ status }) => status?.addresses ?? []);
  const external = all.filter(({ type }) => type === 'ExternalIP');
  const chosen = external.length > 0 ? external : all.filter(({ type }) => type === 'InternalIP');
  return chosen
    .map(({ address }) => address)
    .sort()
    .slice(0, SHOWN_NODES);
}
