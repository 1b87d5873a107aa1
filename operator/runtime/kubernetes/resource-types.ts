import type { ResourceType } from '../../kube/types.ts';

const ours = (plural: string, kind: string): ResourceType => ({
  group: 'mailhold.dev',
  version: 'v1alpha1',
  plural,
  kind,
  scope: 'Namespaced',
});
const namespaced = (group: string, version: string, plural: string, kind: string): ResourceType => ({
  group,
  version,
  plural,
  kind,
  scope: 'Namespaced',
});
const cluster = (group: string, version: string, plural: string, kind: string): ResourceType => ({
  group,
  version,
  plural,
  kind,
  scope: 'Cluster',
});

/** Every type of object that the operator reads or writes. */
export const types = {
  ArchiveConnection: ours('archiveconnections', 'ArchiveConnection'),
  MailGateway: ours('mailgateways', 'MailGateway'),
  MailArchive: ours('mailarchives', 'MailArchive'),
  Secret: namespaced('', 'v1', 'secrets', 'Secret'),
  Service: namespaced('', 'v1', 'services', 'Service'),
  ServiceAccount: namespaced('', 'v1', 'serviceaccounts', 'ServiceAccount'),
  Pod: namespaced('', 'v1', 'pods', 'Pod'),
  PersistentVolumeClaim: namespaced('', 'v1', 'persistentvolumeclaims', 'PersistentVolumeClaim'),
  Deployment: namespaced('apps', 'v1', 'deployments', 'Deployment'),
  PodDisruptionBudget: namespaced('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  Node: cluster('', 'v1', 'nodes', 'Node'),
  ServiceCIDR: cluster('networking.k8s.io', 'v1', 'servicecidrs', 'ServiceCIDR'),
  CustomResourceDefinition: cluster(
    'apiextensions.k8s.io',
    'v1',
    'customresourcedefinitions',
    'CustomResourceDefinition',
  ),
} as const satisfies Record<string, ResourceType>;

/** The type of an object by its kind. */
export function typeOf(kind: string): ResourceType {
  const type = (types as Record<string, ResourceType>)[kind];
  if (type === undefined) throw new Error(`no type for the kind ${kind}`);
  return type;
}
