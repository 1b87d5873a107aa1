/**
 * A real Kubernetes for tests, of pinned modules (go.mod), without any container engine or registry.
 *
 *     const skip = (await requirements({ node: true })) ?? false;
 *     await using cluster = await startCluster({ node: true });
 *     await cluster.kubectl(['apply', '-f', 'crds']);
 *
 * Without a node there are etcd, the API server and the controller manager, on free ports of loopback, for any user.
 *
 * With a node there are pods as well, in a network with no way out; that takes root and a few Debian packages. Pods have
 * an image of busybox (busybox-image.ts) and what tests import. Claims are bound to folders (volumes.ts). Names are asked of
 * a name server that knows what tests tell it. Servers and senders run in the same network (`spawn`), on addresses that
 * are theirs alone (addresses.ts). The API server has the same address inside and outside (door.ts). NetworkPolicy is
 * not enforced, and there is no DNS for Services.
 *
 * Everything is in one folder for temporary files, and ends with whoever started it (keeper.ts). A cluster is started
 * anew, except where MAILHOLD_TEST_CLUSTER names the file of one that runs (description.ts): then that is taken and left
 * running, which is how `make test` starts one for all; so a test uses a namespace of its own, and removes what it made.
 * KUBECONFIG is never read: no test touches a cluster by surprise that somebody else uses.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type CommandOptions, type Outcome, outcomeOf } from './command.ts';
import type { ClusterDescription } from './description.ts';
import { type NodeAccess, nodeAccess } from './node-access.ts';

export type { CommandOptions, Outcome } from './command.ts';
export { requirements } from './requirements.ts';

export interface Cluster extends AsyncDisposable, ClusterDescription {
  /** Runs kubectl as a user who may do everything, with no other configuration than this cluster's. */
  kubectl(args: readonly string[], options?: CommandOptions): Promise<Outcome>;
  helm(args: readonly string[], options?: CommandOptions): Promise<Outcome>;
}

export interface ClusterWithNode extends Cluster, NodeAccess {}

/**
 * @param node whether pods are to run
 * @throws why it did not start, with the words of the program that failed
 */
export async function startCluster(options: { node: true }): Promise<ClusterWithNode>;
export async function startCluster(options: { node: boolean }): Promise<Cluster>;
export async function startCluster({ node }: { node: boolean }): Promise<Cluster> {
  const file = process.env.MAILHOLD_TEST_CLUSTER;
  const { description, end } = file ? await attach(file) : await start(node);
  if (node && description.node === undefined) throw new Error(`the cluster of ${file} has no node`);
  const { folder, kubeconfig, programs } = description;
  // Home is where their caches are, and whatever else they look for.
  const env = { PATH: process.env.PATH, HOME: join(folder, 'home'), KUBECONFIG: kubeconfig };
  return {
    ...description,
    kubectl: (args, options) => outcomeOf(programs.kubectl, args, { env, ...options }),
    helm: (args, options) => outcomeOf(programs.helm, args, { env, ...options }),
    ...(description.node && nodeAccess(description.node)),
    [Symbol.asyncDispose]: end,
  };
}

interface Running {
  description: ClusterDescription;
  end(): Promise<void>;
}

async function attach(file: string): Promise<Running> {
  const description = JSON.parse(await readFile(file, 'utf8')) as ClusterDescription;
  return { description, end: async () => undefined };
}

async function start(node: boolean): Promise<Running> {
  const args = [join(import.meta.dirname, 'keeper.ts'), ...(node ? ['node'] : [])];
  // A session of its own: Ctrl-C at a terminal is for the runner, and the keeper then ends in order.
  const keeper = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const words: string[] = [];
  keeper.stderr.setEncoding('utf8').on('data', (said: string) => {
    words.push(said);
    process.stderr.write(said);
  });
  const exit = once(keeper, 'exit');
  for await (const line of createInterface({ input: keeper.stdout })) {
    return {
      description: JSON.parse(line) as ClusterDescription,
      end: async () => {
        keeper.stdin.end();
        await exit;
      },
    };
  }
  throw new Error(`no cluster was started: ${words.join('')}`);
}
