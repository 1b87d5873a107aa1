/**
 * The restricted profile of the Pod Security Standards, as an API server enforces it at v1.36, in words for a test.
 * https://kubernetes.io/docs/concepts/security/pod-security-standards/
 *
 * Windows pods, and pods with a user namespace (for which some rules are waived), are held to the same rules.
 */

type Fields = Readonly<Record<string, unknown>>;

/** What a field may be; `undefined` is among the values where it may be left out. */
interface Rule {
  path: string;
  allowed: readonly unknown[] | ((value: unknown) => boolean);
}

const HOST = [undefined, ''];
const SECCOMP = ['RuntimeDefault', 'Localhost'];
const SELINUX = [undefined, '', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t'];

const POD: readonly Rule[] = [
  { path: 'hostNetwork', allowed: [undefined, false] },
  { path: 'hostPID', allowed: [undefined, false] },
  { path: 'hostIPC', allowed: [undefined, false] },
];

/** Of the pod's securityContext and of each container's. */
const SECURITY_CONTEXT: readonly Rule[] = [
  { path: 'windowsOptions.hostProcess', allowed: [undefined, false] },
  { path: 'seLinuxOptions.type', allowed: SELINUX },
  { path: 'seLinuxOptions.user', allowed: [undefined, ''] },
  { path: 'seLinuxOptions.role', allowed: [undefined, ''] },
  { path: 'appArmorProfile.type', allowed: [undefined, 'RuntimeDefault', 'Localhost'] },
  { path: 'runAsNonRoot', allowed: [undefined, true] },
  { path: 'runAsUser', allowed: (value) => value !== 0 },
  { path: 'seccompProfile.type', allowed: [undefined, ...SECCOMP] },
];

/** What a container may leave to its pod, but one of both says. */
const SHARED: readonly Rule[] = [
  { path: 'runAsNonRoot', allowed: [true] },
  { path: 'seccompProfile.type', allowed: SECCOMP },
];

const CONTAINER: readonly Rule[] = [
  { path: 'securityContext.privileged', allowed: [undefined, false] },
  { path: 'securityContext.allowPrivilegeEscalation', allowed: [false] },
  { path: 'securityContext.procMount', allowed: [undefined, 'Default'] },
  ...['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle.postStart', 'lifecycle.preStop'].flatMap((path) => [
    { path: `${path}.httpGet.host`, allowed: HOST },
    { path: `${path}.tcpSocket.host`, allowed: HOST },
  ]),
];

const VOLUMES = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
];

/** Before the field there was an annotation per container, which still counts. */
const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/';

const SYSCTLS = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
];

/**
 * What keeps a pod out of a namespace that enforces the restricted profile.
 *
 * @param template a pod, or the template of one: `metadata` and `spec`
 * @returns one line per violation, which begins with the path of the field
 */
export function restrictedViolations(template: unknown): string[] {
  const { metadata, spec } = fields(template);
  const pod = fields(spec);
  const context = fields(pod.securityContext);
  const found = [...broken(pod, '', POD), ...broken(context, 'securityContext.', SECURITY_CONTEXT)];
  for (const [key, value] of Object.entries(fields(fields(metadata).annotations))) {
    const fits = /^(runtime\/default|localhost\/.*)?$/.test(String(value));
    if (key.startsWith(APPARMOR_ANNOTATION) && !fits) found.push(`metadata.annotations.${key}: ${value}`);
  }
  for (const volume of list(pod.volumes)) {
    const types = Object.keys(volume).filter((key) => key !== 'name');
    for (const type of types.filter((it) => !VOLUMES.includes(it))) found.push(`volumes: ${volume.name} is a ${type}`);
  }
  for (const { name } of list(context.sysctls)) {
    if (!SYSCTLS.includes(String(name))) found.push(`securityContext.sysctls: ${name} is not a safe one`);
  }
  for (const kind of ['initContainers', 'containers', 'ephemeralContainers']) {
    for (const container of list(pod[kind]))
      found.push(...inContainer(container, context, `${kind}.${container.name}.`));
  }
  return found;
}

function inContainer(container: Fields, podContext: Fields, at: string): string[] {
  const own = fields(container.securityContext);
  const found = [...broken(container, at, CONTAINER), ...broken(own, `${at}securityContext.`, SECURITY_CONTEXT)];
  for (const rule of SHARED) {
    const said = valueAt(own, rule.path) === undefined ? podContext : own;
    found.push(...broken(said, `${at}securityContext.`, [rule]));
  }
  for (const { hostPort } of list(container.ports)) {
    if (hostPort !== undefined && hostPort !== 0) found.push(`${at}ports.hostPort: ${hostPort}`);
  }
  const { add, drop } = fields(own.capabilities);
  if (!words(drop).includes('ALL')) found.push(`${at}securityContext.capabilities.drop: not ALL`);
  for (const capability of words(add)) {
    if (capability !== 'NET_BIND_SERVICE') found.push(`${at}securityContext.capabilities.add: ${capability}`);
  }
  return [...new Set(found)];
}

function broken(value: Fields, at: string, rules: readonly Rule[]): string[] {
  return rules
    .map(({ path, allowed }) => ({ path, allowed, value: valueAt(value, path) }))
    .filter(({ allowed, value: it }) => !(typeof allowed === 'function' ? allowed(it) : allowed.includes(it)))
    .map((it) => `${at}${it.path}: ${it.value}`);
}

function valueAt(value: Fields, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, key) => fields(inner)[key], value);
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

function words(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
