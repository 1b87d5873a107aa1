/** What every child is made of: a Kubernetes object as plain JSON, with the fields that Mailhold decides and no others. */
export interface ChildObject<Version extends string = string, Kind extends string = string> {
  apiVersion: Version;
  kind: Kind;
  metadata: ChildMeta;
}

export interface ChildMeta {
  name: string;
  namespace: string;
  labels: Record<string, string>;
  annotations?: Record<string, string>;
  ownerReferences?: ChildOwner[];
}

/** metav1.OwnerReference. */
export interface ChildOwner {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller: boolean;
  blockOwnerDeletion: boolean;
}

/** Values in base64. Not `stringData`: that is only written, and with it a key that is taken away would stay. */
export interface Secret extends ChildObject<'v1', 'Secret'> {
  type: 'Opaque';
  data: Record<string, string>;
}

export interface ServiceAccount extends ChildObject<'v1', 'ServiceAccount'> {
  automountServiceAccountToken: false;
}

export interface PersistentVolumeClaim extends ChildObject<'v1', 'PersistentVolumeClaim'> {
  spec: {
    accessModes: ('ReadWriteOnce' | 'ReadWriteMany')[];
    resources: { requests: { storage: string } };
    storageClassName?: string;
  };
}

export interface PodDisruptionBudget extends ChildObject<'policy/v1', 'PodDisruptionBudget'> {
  spec: {
    maxUnavailable: number;
    selector: LabelSelector;
    unhealthyPodEvictionPolicy: 'AlwaysAllow';
  };
}

export interface Service extends ChildObject<'v1', 'Service'> {
  spec: {
    type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
    selector: Record<string, string>;
    ports: { name: string; protocol: 'TCP'; port: number; targetPort: string; nodePort?: number }[];
    externalTrafficPolicy?: 'Cluster' | 'Local';
    ipFamilyPolicy?: 'SingleStack' | 'PreferDualStack' | 'RequireDualStack';
    loadBalancerClass?: string;
    loadBalancerSourceRanges?: readonly string[];
  };
}

export interface Deployment extends ChildObject<'apps/v1', 'Deployment'> {
  spec: {
    replicas: number;
    revisionHistoryLimit: number;
    strategy: DeploymentStrategy;
    selector: LabelSelector;
    template: PodTemplate;
  };
}

export type DeploymentStrategy =
  | { type: 'Recreate' }
  | { type: 'RollingUpdate'; rollingUpdate: { maxUnavailable: number; maxSurge: number } };

export interface LabelSelector {
  matchLabels: Record<string, string>;
}

/** A pod as far as all workers have it; `spec` is checked by the API server, and by the goldens beside this file. */
export interface PodTemplate {
  metadata: { labels: Record<string, string> };
  spec: Readonly<Record<string, unknown>> & { containers: readonly Readonly<Record<string, unknown>>[] };
}
