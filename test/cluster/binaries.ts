import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const CONTROL_PLANE = {
  etcd: 'go.etcd.io/etcd/server/v3',
  'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
  kubectl: 'k8s.io/kubernetes/cmd/kubectl',
  'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
  helm: 'helm.sh/helm/v4/cmd/helm',
};
const NODE = {
  'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
  kubelet: 'k8s.io/kubernetes/cmd/kubelet',
  'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
};
/** What decides how the programs come out: another text of one of them has another cache. */
const INGREDIENTS = ['go.mod', 'go.sum', 'build-program'];

export type ControlPlaneProgram = keyof typeof CONTROL_PLANE;
type NodeProgram = keyof typeof NODE;
/** Path of each program. Those of the node exist only where a node was asked for. */
export type Binaries = Record<ControlPlaneProgram | NodeProgram, string>;

/**
 * The programs that a cluster is made of. Those that are missing are built from the modules that go.mod pins into
 * `$MAILHOLD_CACHE/cluster/HASH` (default `~/.cache/mailhold`); a program of the same name in the folder
 * KUBEBUILDER_ASSETS is taken instead, as in other projects' tests.
 *
 * Two that build at once wait for each other.
 *
 * @param tell takes a line when one is built, since that may take minutes
 * @throws the compiler's words
 */
export async function binaries(node: boolean, tell: (line: string) => void): Promise<Binaries> {
  const wanted = Object.entries(packagesOf(node));
  const found = await locate(node);
  const missing = wanted.filter(([name]) => !isExecutable(found[name]));
  const target = await folder();
  if (missing.length > 0) await mkdir(target, { recursive: true });
  for (const [index, [name, source]] of missing.entries()) {
    const file = join(target, name);
    tell(`building ${name} (${index + 1}/${missing.length}) ...`);
    // The kernel gives the lock back when its holder ends, however it ends.
    const build = [join(target, '.lock'), join(import.meta.dirname, 'build-program'), file, source];
    await promisify(execFile)('flock', build, { maxBuffer: 16 * 1024 * 1024 });
    found[name] = file;
  }
  return found as Binaries;
}

/** Why a program that is missing cannot be built here, or undefined. */
export async function cannotBuild(node: boolean): Promise<string | undefined> {
  const found = await locate(node);
  const missing = Object.keys(packagesOf(node)).filter((name) => !isExecutable(found[name]));
  if (missing.length === 0) return undefined;
  // Where go.mod is: an older Go refuses it here, or fetches the one that it asks for.
  const go = spawnSync('go', ['list', '-m'], { cwd: import.meta.dirname, encoding: 'utf8' });
  if (go.status === 0) return undefined;
  const why = go.error === undefined ? `(${go.stderr.trim()})` : '(there is no go command)';
  return `Go 1.26 is needed to build ${missing.join(', ')} ${why}`;
}

function packagesOf(node: boolean): Record<string, string> {
  return node ? { ...CONTROL_PLANE, ...NODE } : CONTROL_PLANE;
}

async function locate(node: boolean): Promise<Record<string, string>> {
  const built = await folder();
  const assets = process.env.KUBEBUILDER_ASSETS;
  const find = (name: string): string => {
    const asset = assets === undefined ? undefined : join(assets, name);
    return isExecutable(asset) ? asset : join(built, name);
  };
  return Object.fromEntries(Object.keys(packagesOf(node)).map((name) => [name, find(name)]));
}

async function folder(): Promise<string> {
  const hash = createHash('sha256');
  for (const name of INGREDIENTS) hash.update(await readFile(join(import.meta.dirname, name)));
  const cache = process.env.MAILHOLD_CACHE ?? join(homedir(), '.cache', 'mailhold');
  return join(cache, 'cluster', hash.digest('hex').slice(0, 16));
}

function isExecutable(path: string | undefined): path is string {
  if (path === undefined) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
