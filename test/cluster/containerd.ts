import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ADDRESSES } from './addresses.ts';
import { BUSYBOX_IMAGE } from './busybox-image.ts';
import { type Place, type Program, startProgram } from './program.ts';

/** Where Debian's containernetworking-plugins puts them. */
export const CNI_PLUGINS = '/usr/lib/cni';

export interface Containerd {
  program: Program;
  /** Path. */
  socket: string;
}

/** containerd with everything of its own, and the network of pods. */
export async function startContainerd(place: Place): Promise<Containerd> {
  const folder = join(place.folder, 'containerd');
  await mkdir(join(folder, 'cni'), { recursive: true });
  const socket = join(folder, 'socket');
  await writeFile(join(folder, 'cni', 'pods.conflist'), JSON.stringify(podNetwork(folder), null, 2));
  await writeFile(join(folder, 'config.toml'), configuration(folder, socket));
  const program = await startProgram(place, 'containerd', 'containerd', ['--config', join(folder, 'config.toml')]);
  return { program, socket };
}

/** Imports the images of a docker-archive or OCI archive, for pods with `imagePullPolicy: Never`. */
export async function importImage(socket: string, archive: string): Promise<void> {
  await promisify(execFile)('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', archive]);
}

function configuration(folder: string, socket: string): string {
  return `version = 2
root = "${folder}/root"
state = "${folder}/state"
# They need file systems or programs that tests have no use for.
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "${socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "${folder}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${BUSYBOX_IMAGE}"
  # Without CAP_SYS_RESOURCE, as in many virtual machines for tests, runc fails where a score is lowered.
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${CNI_PLUGINS}"
    conf_dir = "${folder}/cni"
`;
}

/**
 * Each pod has a line of its own to the node, not a common bridge: all that it sends is routed, so that Services' addresses
 * are translated also between two pods, and from a pod to itself.
 */
function podNetwork(folder: string): object {
  return {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'ptp',
        ipam: {
          type: 'host-local',
          dataDir: join(folder, 'addresses'),
          ranges: [[{ subnet: ADDRESSES.pods }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}
