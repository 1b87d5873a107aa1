/** Pods that break one rule each of the restricted profile, for the check of it and for the API server itself. */

type Spec = Record<string, unknown>;

export interface TestPod {
  apiVersion: 'v1';
  kind: 'Pod';
  metadata: { name: string; annotations?: Record<string, string> };
  spec: Spec & { securityContext: Spec; volumes: Spec[]; containers: [Spec & { securityContext: Spec }] };
}

/** A pod that the restricted profile lets in. */
export function tightPod(): TestPod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'pod' },
    spec: {
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      volumes: [{ name: 'tmp', emptyDir: {} }],
      containers: [
        {
          name: 'worker',
          image: 'worker',
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        },
      ],
    },
  };
}

interface SpoiledPod {
  what: string;
  spoil: (pod: TestPod) => void;
  /** What the check says of it. */
  violation: string;
}

export const SPOILED_PODS: readonly SpoiledPod[] = [
  ...['hostNetwork', 'hostPID', 'hostIPC'].map((field) => ({
    what: field,
    spoil: ({ spec }: TestPod) => Object.assign(spec, { [field]: true }),
    violation: `${field}: true`,
  })),
  ofPod('a pod that may be root', { runAsNonRoot: false }, 'runAsNonRoot: false', { runAsNonRoot: true }),
  ofPod('the user root', { runAsUser: 0 }, 'runAsUser: 0'),
  ofPod('no seccomp profile', { seccompProfile: { type: 'Unconfined' } }, 'seccompProfile.type: Unconfined', {
    seccompProfile: { type: 'RuntimeDefault' },
  }),
  ofPod('another SELinux type', { seLinuxOptions: { type: 'spc_t' } }, 'seLinuxOptions.type: spc_t'),
  ofPod('an SELinux user', { seLinuxOptions: { user: 'u' } }, 'seLinuxOptions.user: u'),
  ofPod('an SELinux role', { seLinuxOptions: { role: 'r' } }, 'seLinuxOptions.role: r'),
  ofPod('no AppArmor profile', { appArmorProfile: { type: 'Unconfined' } }, 'appArmorProfile.type: Unconfined'),
  ofPod(
    'an unsafe sysctl',
    { sysctls: [{ name: 'kernel.msgmax', value: '1' }] },
    'sysctls: kernel.msgmax is not a safe one',
  ),
  ofContainer('escalation', { allowPrivilegeEscalation: true }, 'allowPrivilegeEscalation: true'),
  ofContainer('silence on escalation', { allowPrivilegeEscalation: undefined }, 'allowPrivilegeEscalation: undefined'),
  ofContainer('capabilities that are kept', { capabilities: {} }, 'capabilities.drop: not ALL'),
  ofContainer(
    'a capability that is added',
    { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE', 'CHOWN'] } },
    'capabilities.add: CHOWN',
  ),
  ofContainer('a container that may be root', { runAsNonRoot: false }, 'runAsNonRoot: false'),
  ofContainer('a container of the user root', { runAsUser: 0 }, 'runAsUser: 0'),
  ofContainer('a privileged container', { privileged: true }, 'privileged: true'),
  {
    what: 'silence on root',
    spoil: ({ spec }) => delete spec.securityContext.runAsNonRoot,
    violation: 'containers.worker.securityContext.runAsNonRoot: undefined',
  },
  {
    what: 'silence on seccomp',
    spoil: ({ spec }) => delete spec.securityContext.seccompProfile,
    violation: 'containers.worker.securityContext.seccompProfile.type: undefined',
  },
  {
    what: 'a folder of the node',
    spoil: ({ spec }) => spec.volumes.push({ name: 'node', hostPath: { path: '/' } }),
    violation: 'volumes: node is a hostPath',
  },
  {
    what: 'a network disk that no claim stands for',
    spoil: ({ spec }) => spec.volumes.push({ name: 'disk', nfs: { server: 'nfs.example.com', path: '/' } }),
    violation: 'volumes: disk is a nfs',
  },
  {
    what: 'a port of the node',
    spoil: ({ spec }) => Object.assign(spec.containers[0], { ports: [{ containerPort: 25, hostPort: 25 }] }),
    violation: 'containers.worker.ports.hostPort: 25',
  },
  {
    what: 'a probe of another host',
    spoil: ({ spec }) =>
      Object.assign(spec.containers[0], { livenessProbe: { httpGet: { host: '192.0.2.1', path: '/', port: 80 } } }),
    violation: 'containers.worker.livenessProbe.httpGet.host: 192.0.2.1',
  },
];

/** @param leftToContainer what the container says then, so that the pod alone is at fault */
function ofPod(what: string, context: Spec, violation: string, leftToContainer: Spec = {}): SpoiledPod {
  return {
    what,
    spoil: ({ spec }) => {
      Object.assign(spec.securityContext, context);
      Object.assign(spec.containers[0].securityContext, leftToContainer);
    },
    violation: `securityContext.${violation}`,
  };
}

function ofContainer(what: string, context: Spec, violation: string): SpoiledPod {
  return {
    what,
    spoil: ({ spec }) => {
      Object.assign(spec.containers[0].securityContext, context);
    },
    violation: `containers.worker.securityContext.${violation}`,
  };
}
