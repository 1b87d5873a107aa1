import type { MailGateway } from '../../api/mail-gateway.ts';
import type { ServiceAccount } from './child-object.ts';
import { gatewayLabels } from './labels.ts';
import { workersName } from './names.ts';
import { ownedBy } from './owner.ts';

/** Who the workers of a gateway are. They know nothing of Kubernetes, so no token is mounted; and nobody grants it anything. */
export function serviceAccount(gateway: MailGateway): ServiceAccount {
  const { name, namespace } = gateway.metadata;
  return {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: {
      name: workersName(name),
      namespace,
      labels: gatewayLabels(name),
      ownerReferences: ownedBy(gateway),
    },
    automountServiceAccountToken: false,
  };
}
