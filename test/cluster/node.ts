import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ADDRESSES } from './addresses.ts';
import type { Binaries } from './binaries.ts';
import { writeBusyboxImage } from './busybox-image.ts';
import { importImage, startContainerd } from './containerd.ts';
import type { ControlPlane } from './control-plane.ts';
import type { NodeDescription } from './description.ts';
import { startKubelet } from './kubelet.ts';
import { type Place, type Program, startProgram } from './program.ts';
import { localVolumes } from './volumes.ts';

const NAME = 'node-1';

export interface NodeOptions {
  /** In the node's namespaces. */
  place: Place;
  /** A process in them. */
  pid: number;
  binaries: Binaries;
  /** May still be starting. */
  controlPlane: Promise<ControlPlane>;
}

/** Everything that makes pods run, beside the control plane. Resolves when pods may be scheduled. */
export async function startNode(options: NodeOptions): Promise<NodeDescription & AsyncDisposable> {
  const { place, pid, binaries } = options;
  const { folder } = place;
  await using stack = new AsyncDisposableStack();
  const start = async (name: string, command: string, args: readonly string[]): Promise<Program> =>
    stack.use(await startProgram(place, name, command, args));

  const { program: containerd, socket } = await startContainerd(place);
  stack.use(containerd);
  const hosts = join(folder, 'hosts');
  await mkdir(hosts);
  await start('dnsmasq', 'dnsmasq', nameServer(hosts));
  const image = join(folder, 'busybox.tar');
  await writeBusyboxImage(image);
  await containerd.ready(() => importImage(socket, image));

  const controlPlane = await options.controlPlane;
  const scheduler = await controlPlane.userConfig({ name: 'scheduler', groups: ['system:masters'] });
  await start('kube-scheduler', binaries['kube-scheduler'], [
    `--kubeconfig=${scheduler}`,
    '--leader-elect=false',
    '--secure-port=0',
  ]);
  const proxy = join(folder, 'kube-proxy.json');
  const proxyUser = await controlPlane.userConfig({ name: 'system:kube-proxy' });
  await writeFile(proxy, JSON.stringify(proxyConfiguration(proxyUser)));
  await start('kube-proxy', binaries['kube-proxy'], [`--config=${proxy}`]);
  const kubelet = await startKubelet({
    place,
    command: binaries.kubelet,
    name: NAME,
    kubeconfig: await controlPlane.userConfig({ name: `system:node:${NAME}`, groups: ['system:nodes'] }),
    authority: controlPlane.authority,
    containerd: socket,
  });
  stack.use(kubelet);

  const volumes = join(folder, 'volumes');
  const objects = join(folder, 'volumes.json');
  const items = await localVolumes(volumes, NAME);
  await writeFile(objects, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  await promisify(execFile)(binaries.kubectl, [`--kubeconfig=${controlPlane.kubeconfig}`, 'create', '-f', objects]);
  await kubelet.ready(async () => mustTakePods(await controlPlane.get(`/api/v1/nodes/${NAME}`)));

  const kept = stack.move();
  return {
    name: NAME,
    address: ADDRESSES.node,
    pid,
    containerd: socket,
    volumes,
    hosts,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Names come from files alone; any other does not exist. */
function nameServer(hosts: string): string[] {
  return [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--pid-file=',
    '--log-facility=-',
    // It would become a user who may not read the folder.
    '--user=root',
    '--bind-interfaces',
    `--listen-address=${ADDRESSES.nameServer}`,
    '--no-resolv',
    '--no-hosts',
    `--hostsdir=${hosts}`,
    '--local=/#/',
  ];
}

function proxyConfiguration(kubeconfig: string): object {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig },
    hostnameOverride: NAME,
    mode: 'iptables',
    clusterCIDR: ADDRESSES.pods,
    oomScoreAdj: 0,
    // Left as they are: the limit is this machine's, and not the network's.
    conntrack: { maxPerCore: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    iptables: { minSyncPeriod: '100ms' },
  };
}

/** @throws what is still in the way */
function mustTakePods(node: string): void {
  const { spec, status } = JSON.parse(node) as {
    spec: { taints?: object[] };
    status: { conditions?: { type: string; status: string; message: string }[] };
  };
  const ready = status.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') throw new Error(`the node is not ready: ${ready?.message}`);
  if (spec.taints !== undefined) throw new Error(`the node has taints: ${JSON.stringify(spec.taints)}`);
}
