import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ADDRESSES } from './addresses.ts';
import { type Place, type Program, startProgram } from './program.ts';

const CGROUPS = '/sys/fs/cgroup';

export interface KubeletOptions {
  place: Place;
  /** Path of the program. */
  command: string;
  /** Of the node. */
  name: string;
  kubeconfig: string;
  /** Path of the PEM of the authority whose clients it serves. */
  authority: string;
  /** Path of containerd's socket. */
  containerd: string;
}

/** A kubelet that registers the node and runs its pods. */
export async function startKubelet(options: KubeletOptions): Promise<Program> {
  const { place, command, name, kubeconfig } = options;
  const folder = join(place.folder, 'kubelet');
  const cgroup = basename(place.folder);
  await mkdir(folder, { recursive: true });
  await makeCgroup(cgroup);
  await writeFile(join(folder, 'resolv.conf'), `nameserver ${ADDRESSES.nameServer}\n`);
  await writeFile(join(folder, 'config.json'), JSON.stringify(configuration(options, folder, cgroup), null, 2));
  return startProgram(place, 'kubelet', command, [
    `--config=${join(folder, 'config.json')}`,
    `--kubeconfig=${kubeconfig}`,
    `--root-dir=${folder}`,
    `--cert-dir=${join(folder, 'pki')}`,
    `--hostname-override=${name}`,
    `--node-ip=${ADDRESSES.node}`,
  ]);
}

function configuration({ place, authority, containerd }: KubeletOptions, folder: string, cgroup: string): object {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: { anonymous: { enabled: false }, x509: { clientCAFile: authority } },
    containerRuntimeEndpoint: `unix://${containerd}`,
    clusterDNS: [ADDRESSES.nameServer],
    clusterDomain: 'cluster.local',
    resolvConf: join(folder, 'resolv.conf'),
    podLogsDir: join(place.folder, 'logs', 'pods'),
    volumePluginDir: join(folder, 'volume-plugins'),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    // The score of a process is only lowered with CAP_SYS_RESOURCE.
    oomScoreAdj: 0,
    // It measures whole file systems, this machine's, which are none of its business.
    localStorageCapacityIsolation: false,
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '0%', 'imagefs.available': '0%' },
    healthzPort: 0,
    // Nobody looks at a node that is gone: it need not tell every ten seconds that it is there.
    nodeStatusUpdateFrequency: '10s',
  };
}

/** The kubelet's cgroup: pods are in one of its own, which is removed when the cluster ends (leftovers.ts). */
async function makeCgroup(name: string): Promise<void> {
  if (existsSync(join(CGROUPS, 'cgroup.controllers'))) {
    await mkdir(join(CGROUPS, name), { recursive: true });
    return;
  }
  for (const entry of await readdir(CGROUPS, { withFileTypes: true })) {
    if (entry.isDirectory()) await mkdir(join(CGROUPS, entry.name, name), { recursive: true });
  }
}
