import type { MailGateway } from '../../api/mail-gateway.ts';
import type { Service } from './child-object.ts';
import { podSelector, workerLabels } from './labels.ts';
import { receiverName } from './names.ts';
import { ownedBy } from './owner.ts';

/** The Service that senders connect to: port 25 to the port that the receivers' pods name smtp. */
export function receiverService(gateway: MailGateway): Service {
  const { metadata, spec } = gateway;
  const { type, annotations, nodePort, ...asked } = spec.receiver.service ?? { type: 'LoadBalancer' };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: receiverName(metadata.name),
      namespace: metadata.namespace,
      labels: workerLabels(metadata.name, { component: 'receiver' }),
      ...(annotations !== undefined && { annotations }),
      ownerReferences: ownedBy(gateway),
    },
    spec: {
      type,
      selector: podSelector(metadata.name, { component: 'receiver' }),
      ports: [
        { name: 'smtp', protocol: 'TCP', port: 25, targetPort: 'smtp', ...(nodePort !== undefined && { nodePort }) },
      ],
      // Sender ranges need the sender's own address, which a hop over another node would hide.
      // https://kubernetes.io/docs/tutorials/services/source-ip/ ; an API server refuses the field on a ClusterIP.
      ...(type !== 'ClusterIP' && { externalTrafficPolicy: asked.externalTrafficPolicy ?? 'Local' }),
      ...(asked.ipFamilyPolicy !== undefined && { ipFamilyPolicy: asked.ipFamilyPolicy }),
      ...(asked.loadBalancerClass !== undefined && { loadBalancerClass: asked.loadBalancerClass }),
      ...(asked.loadBalancerSourceRanges !== undefined && { loadBalancerSourceRanges: asked.loadBalancerSourceRanges }),
    },
  };
}
