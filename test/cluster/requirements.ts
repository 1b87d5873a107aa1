import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cannotBuild } from './binaries.ts';
import { BUSYBOX } from './busybox-image.ts';
import { CNI_PLUGINS } from './containerd.ts';
import type { ClusterDescription } from './description.ts';

/** Commands, and the Debian packages that they are in. */
const ALWAYS = { flock: 'util-linux', setpriv: 'util-linux' };
const FOR_A_NODE = {
  nsenter: 'util-linux',
  unshare: 'util-linux',
  ip: 'iproute2',
  iptables: 'iptables',
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  dnsmasq: 'dnsmasq-base',
};
const PLUGINS = ['host-local', 'loopback', 'portmap', 'ptp'];

/**
 * Why no cluster of this kind can run here, in one sentence, or undefined. Tests pass it as `skip`, so that they are left
 * out by name.
 *
 * @param node whether pods are to run
 */
export async function requirements({ node }: { node: boolean }): Promise<string | undefined> {
  const file = process.env.MAILHOLD_TEST_CLUSTER;
  if (file) {
    const running = JSON.parse(readFileSync(file, 'utf8')) as ClusterDescription;
    if (!node || running.node !== undefined) return undefined;
  }
  const why = missing(node) ?? (await cannotBuild(node)) ?? (file ? 'the cluster that runs has none' : undefined);
  return why === undefined ? undefined : `not run: no Kubernetes ${node ? 'node' : 'API server'} here: ${why}`;
}

function missing(node: boolean): string | undefined {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (node && process.getuid?.() !== 0) return 'it needs root, for namespaces and containers';
  const commands = Object.entries({ ...ALWAYS, ...(node && FOR_A_NODE) });
  const packages = new Set(commands.filter(([command]) => !isInPath(command)).map(([, name]) => name));
  if (node && !PLUGINS.every((plugin) => existsSync(join(CNI_PLUGINS, plugin)))) {
    packages.add('containernetworking-plugins');
  }
  if (node && !isStatic(BUSYBOX)) packages.add('busybox-static');
  if (packages.size > 0) return `Debian packages are not installed: ${[...packages].join(', ')}`;
  return node ? refusal() : undefined;
}

/** What a container says whose root may make no namespaces. */
function refusal(): string | undefined {
  const { status, stderr } = spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', 'true'], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : stderr.trim();
}

function isInPath(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, command)));
}

/** A program that asks for no loader (ld-linux-x86-64.so.2 and the like) runs without the libraries of this machine. */
function isStatic(path: string): boolean {
  return existsSync(path) && !readFileSync(path).includes('/ld-linux');
}
