import { find, type Rendered } from './rendered-chart.ts';

/** One value of the chart, and what comes of it. */
export interface ChartValue {
  /** As `--set` names it. */
  path: string;
  value: unknown;
  /** Which object, and what is in it then. */
  object: (objects: readonly Rendered[]) => Rendered;
  /** Fields by their path in the object. */
  gives: Readonly<Record<string, unknown>>;
}

const operator = (objects: readonly Rendered[]) => find(objects, 'Deployment');
const gateway = (objects: readonly Rendered[]) => find(objects, 'MailGateway', 'default');
const archive = (objects: readonly Rendered[]) => find(objects, 'MailArchive', 'main');

const pod = 'spec.template.spec';
const container = `${pod}.containers.0`;
const args = `${container}.args`;
const digest = `sha256:${'0'.repeat(64)}`;
const toleration = { key: 'dedicated', operator: 'Exists' };
const affinity = { nodeAffinity: {} };

/** What every case below has besides: a first gateway with an archive. */
export const FIRST_GATEWAY = {
  gateway: { enabled: true, hostName: 'in.archive.example.com' },
  archive: { size: '100Gi' },
};

/** Every value that the chart has, by the order of values.yaml. */
export const CHART_VALUES: readonly ChartValue[] = [
  {
    path: 'image.repository',
    value: 'registry.example.com/mailhold',
    object: operator,
    // Workers get the same image.
    gives: {
      [`${container}.image`]: 'registry.example.com/mailhold:0.1.0',
      [`${args}.2`]: '--image=registry.example.com/mailhold:0.1.0',
    },
  },
  { path: 'image.tag', value: '1.2.3', object: operator, gives: { [`${container}.image`]: 'mailhold:1.2.3' } },
  { path: 'image.digest', value: digest, object: operator, gives: { [`${container}.image`]: `mailhold@${digest}` } },
  {
    path: 'image.pullPolicy',
    value: 'Never',
    object: operator,
    gives: { [`${container}.imagePullPolicy`]: 'Never', [`${args}.3`]: '--image-pull-policy=Never' },
  },
  {
    path: 'gatewayNamespaces',
    value: ['edge', 'lab'],
    object: operator,
    gives: { [`${args}.0`]: '--namespace=mailhold-system', [`${args}.1`]: '--gateway-namespaces=edge,lab' },
  },
  {
    path: 'gatewayNamespaces',
    value: ['edge', 'lab'],
    object: gateway,
    // The first of them has the first gateway.
    gives: { 'metadata.namespace': 'edge' },
  },
  {
    path: 'connectionNamespaces',
    value: ['contoso'],
    object: (objects) => find(objects, 'Role', 'mailhold-connections'),
    gives: { 'metadata.namespace': 'contoso' },
  },
  {
    path: 'rbac.aggregate',
    value: true,
    object: (objects) => find(objects, 'ClusterRole', 'mailhold-edit'),
    gives: { 'rules.0.resources': ['archiveconnections'] },
  },
  { path: 'operator.logLevel', value: 'warn', object: operator, gives: { [`${args}.6`]: '--log-level=warn' } },
  {
    path: 'operator.resources',
    value: { requests: { cpu: '1' } },
    object: operator,
    // Merged with the chart's own, as Helm does.
    gives: { [`${container}.resources`]: { requests: { cpu: '1', memory: '128Mi' }, limits: { memory: '512Mi' } } },
  },
  {
    path: 'operator.podAnnotations',
    value: { 'prometheus.io/scrape': 'true' },
    object: operator,
    gives: {
      'spec.template.metadata.annotations': {
        'kubectl.kubernetes.io/default-container': 'operator',
        'prometheus.io/scrape': 'true',
      },
    },
  },
  {
    path: 'operator.podLabels',
    value: { team: 'mail' },
    object: operator,
    gives: { 'spec.template.metadata.labels.team': 'mail' },
  },
  {
    path: 'operator.nodeSelector',
    value: { disk: 'ssd' },
    object: operator,
    gives: { [`${pod}.nodeSelector`]: { disk: 'ssd' } },
  },
  {
    path: 'operator.tolerations',
    value: [toleration],
    object: operator,
    gives: { [`${pod}.tolerations`]: [toleration] },
  },
  { path: 'operator.affinity', value: affinity, object: operator, gives: { [`${pod}.affinity`]: affinity } },
  {
    path: 'operator.priorityClassName',
    value: 'high',
    object: operator,
    gives: { [`${pod}.priorityClassName`]: 'high' },
  },
  { path: 'gateway.enabled', value: true, object: gateway, gives: { 'spec.archiveRef.name': 'main' } },
  {
    path: 'gateway.name',
    value: 'edge',
    object: (objects) => find(objects, 'MailGateway', 'edge'),
    gives: { 'metadata.namespace': 'mailhold-system' },
  },
  {
    path: 'gateway.hostName',
    value: 'mx.example.com',
    object: gateway,
    gives: { 'spec.hostName': 'mx.example.com', 'spec.journalDomain': 'mx.example.com' },
  },
  {
    path: 'gateway.journalDomain',
    value: 'journal.example.com',
    object: gateway,
    gives: { 'spec.journalDomain': 'journal.example.com' },
  },
  {
    path: 'gateway.allowedNamespaces.from',
    value: 'All',
    object: gateway,
    gives: { 'spec.allowedNamespaces': { from: 'All' } },
  },
  {
    path: 'gateway.allowedNamespaces',
    value: { from: 'Selected', names: ['contoso'] },
    object: gateway,
    gives: { 'spec.allowedNamespaces': { from: 'Selected', names: ['contoso'] } },
  },
  {
    path: 'gateway.tlsSecretName',
    value: 'in-archive-tls',
    object: gateway,
    gives: { 'spec.tls': { certificateRef: { name: 'in-archive-tls' } } },
  },
  {
    path: 'gateway.service',
    value: { type: 'NodePort', nodePort: 30_025 },
    object: gateway,
    gives: { 'spec.receiver.service': { type: 'NodePort', nodePort: 30_025 } },
  },
  {
    path: 'gateway.spec',
    value: { role: 'Named', receiver: { replicas: 2 } },
    object: gateway,
    gives: { 'spec.role': 'Named', 'spec.receiver': { replicas: 2, service: { type: 'LoadBalancer' } } },
  },
  {
    path: 'archive.enabled',
    value: true,
    object: archive,
    gives: { 'metadata.annotations': { 'helm.sh/resource-policy': 'keep' } },
  },
  {
    path: 'archive.name',
    value: 'mail',
    object: gateway,
    gives: { 'spec.archiveRef.name': 'mail' },
  },
  { path: 'archive.size', value: '1Ti', object: archive, gives: { 'spec.volume': { size: '1Ti' } } },
  {
    path: 'archive',
    value: { size: '', claimName: 'nfs' },
    object: archive,
    gives: { 'spec.volume': { claimName: 'nfs' } },
  },
  {
    path: 'archive.storageClassName',
    value: 'fast',
    object: archive,
    gives: { 'spec.volume': { size: '100Gi', storageClassName: 'fast' } },
  },
  {
    path: 'archive.accessMode',
    value: 'ReadWriteMany',
    object: archive,
    gives: { 'spec.volume': { size: '100Gi', accessMode: 'ReadWriteMany' } },
  },
  { path: 'archive.reserve', value: '10Gi', object: archive, gives: { 'spec.reserve': '10Gi' } },
];
