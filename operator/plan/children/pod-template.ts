import type { MailArchive } from '../../api/mail-archive.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import { archiveClaimName } from './archive-claim-name.ts';
import type { PodTemplate } from './child-object.ts';
import { ARCHIVE_LABEL, podLabels, type WorkerRole } from './labels.ts';
import { workersName } from './names.ts';
import { CONFIGURATION_FOLDER, podVolumes, STATUS_TLS_FOLDER } from './pod-volumes.ts';
import { workerResources } from './worker-resources.ts';

/** The user and group of every worker; the image names the same. */
const WORKER_ID = 65_532;
const STATUS_PORT = 8443;
const PROBES_PORT = 8080;
/** A worker takes up to 20 s to finish what is in flight; before them comes {@link WorkerKind.preStopSeconds}. */
const TERMINATION_SECONDS = 60;

/** What all workers of a gateway have in common. */
export interface WorkerSettings {
  gateway: MailGateway;
  archive: MailArchive;
  image: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Whether pods on several nodes can mount the archive's volume at once (ReadWriteMany). */
  shareable: boolean;
}

/** What differs between a receiver's pod and a poller's. */
export interface WorkerKind {
  role: WorkerRole;
  /** Name of the group's Deployment. */
  workload: string;
  /** Ports besides those of status and probes. */
  ports?: readonly { name: string; containerPort: number }[];
  /** Seconds to go on serving after the pod was asked to end. */
  preStopSeconds?: number;
  /** Further fields of the pod's spec. */
  spec?: Readonly<Record<string, unknown>>;
}

/**
 * The pod of a worker. It satisfies the restricted profile of the Pod Security Standards, mounts no API token, and names
 * no revision of any configuration: an ordinary change restarts nothing. What needs another process is in here, and so
 * starts one: the image, the archive's claim, the resources.
 */
export function podTemplate(settings: WorkerSettings, pod: WorkerKind): PodTemplate {
  const { gateway, archive, shareable } = settings;
  const { name } = gateway.metadata;
  const side = pod.role.component === 'receiver' ? gateway.spec.receiver : gateway.spec.poller;
  const { nodeSelector, tolerations, priorityClassName } = side.pod ?? {};
  const { volumes, volumeMounts } = podVolumes(name, pod.workload, archiveClaimName(archive));
  return {
    metadata: { labels: podLabels(name, pod.role, archive.metadata.name) },
    spec: {
      serviceAccountName: workersName(name),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: TERMINATION_SECONDS,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: WORKER_ID,
        runAsGroup: WORKER_ID,
        fsGroup: WORKER_ID,
        // Else the kubelet walks over the whole archive at every start.
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      ...(!shareable && { affinity: onTheNodeOf(archive) }),
      ...(nodeSelector !== undefined && { nodeSelector }),
      ...(tolerations !== undefined && { tolerations }),
      ...(priorityClassName !== undefined && { priorityClassName }),
      ...pod.spec,
      containers: [{ ...container(settings, pod), volumeMounts }],
      volumes,
    },
  };
}

function container({ gateway, image, imagePullPolicy }: WorkerSettings, pod: WorkerKind) {
  const { component } = pod.role;
  const { receiver, poller } = gateway.spec;
  const [side, bytesInFlight] =
    component === 'receiver' ? [receiver, receiver.limits.bytesInFlight] : [poller, poller.bytesInFlight];
  const ports = [
    ...(pod.ports ?? []),
    { name: 'status', containerPort: STATUS_PORT },
    { name: 'metrics', containerPort: PROBES_PORT },
  ];
  return {
    name: component,
    image,
    imagePullPolicy,
    command: ['node', `/app/workers/${component}/main.js`],
    args: [
      ...['--config', CONFIGURATION_FOLDER],
      ...['--status', `[::]:${STATUS_PORT}`, '--status-tls', STATUS_TLS_FOLDER],
      ...['--probes', `[::]:${PROBES_PORT}`],
    ],
    // The protocol is part of what server-side apply tells ports apart by.
    ports: ports.map((port) => ({ ...port, protocol: 'TCP' })),
    resources: side.pod?.resources ?? workerResources(bytesInFlight),
    ...probes,
    ...(pod.preStopSeconds !== undefined && { lifecycle: { preStop: { sleep: { seconds: pod.preStopSeconds } } } }),
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
  };
}

/** Liveness asks for the event loop alone: a restart heals no disk. Readiness asks often, since a rollout waits for it. */
const probes = {
  startupProbe: {
    httpGet: { path: '/healthz', port: 'metrics' },
    periodSeconds: 1,
    timeoutSeconds: 3,
    failureThreshold: 60,
  },
  livenessProbe: {
    httpGet: { path: '/healthz', port: 'metrics' },
    periodSeconds: 10,
    timeoutSeconds: 5,
    failureThreshold: 6,
  },
  readinessProbe: {
    httpGet: { path: '/readyz', port: 'metrics' },
    periodSeconds: 1,
    timeoutSeconds: 3,
    failureThreshold: 2,
  },
};

/**
 * A ReadWriteOnce volume is mounted by one node at a time, so all workers of its archive run there. The first of them
 * finds no other and may go anywhere: a pod that matches its own term is let through.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
 */
function onTheNodeOf({ metadata }: MailArchive) {
  return {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { [ARCHIVE_LABEL]: metadata.name } } },
      ],
    },
  };
}
