/**
 * A real Kubernetes for tests, of pinned modules (go.mod), without any container engine or registry.
 *
 *     const skip = (await requirements({ node: false })) ?? false;
 *     await using cluster = await startCluster({ node: false });
 *     await cluster.kubectl(['apply', '-f', 'crds']);
 *
 * Without a node there are etcd, the API server and the controller manager, on free ports of loopback, for any user. With a
 * node there are pods as well; that takes root and Linux namespaces.
 *
 * Everything is in one folder for temporary files, and ends with whoever started it (keeper.ts). A cluster is started
 * anew, except where MAILHOLD_TEST_CLUSTER names the file of one that runs (description.ts): then that is taken and left
 * running, which is how `make test` starts one for all. KUBECONFIG is never read: no test touches a cluster by surprise
 * that somebody else uses.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import type { ClusterDescription } from './description.ts';

export { requirements } from './requirements.ts';

/** What a command said, and its exit code; no code is thrown for. */
export interface Outcome {
  stdout: string;
  stderr: string;
  code: number;
}

export interface CommandOptions {
  /** For its standard input. */
  input?: string | Buffer;
}

export interface Cluster extends AsyncDisposable, ClusterDescription {
  /** Runs kubectl as a user who may do everything, with no other configuration than this cluster's. */
  kubectl(args: readonly string[], options?: CommandOptions): Promise<Outcome>;
  helm(args: readonly string[], options?: CommandOptions): Promise<Outcome>;
}

/**
 * @param node whether pods are to run
 * @throws why it did not start, with the words of the program that failed
 */
export async function startCluster({ node }: { node: boolean }): Promise<Cluster> {
  const file = process.env.MAILHOLD_TEST_CLUSTER;
  const { description, end } = file ? await attach(file) : await start(node);
  if (node && description.node === undefined) throw new Error(`the cluster of ${file} has no node`);
  const env = {
    PATH: process.env.PATH,
    // Their caches, and whatever else they look for at home.
    HOME: join(description.folder, 'home'),
    KUBECONFIG: description.kubeconfig,
  };
  const run = (command: string, args: readonly string[], { input = '' }: CommandOptions = {}): Promise<Outcome> =>
    outcome(command, args, input, env);
  return {
    ...description,
    kubectl: (args, options) => run(description.programs.kubectl, args, options),
    helm: (args, options) => run(description.programs.helm, args, options),
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

async function outcome(
  command: string,
  args: readonly string[],
  input: string | Buffer,
  env: Record<string, string | undefined>,
): Promise<Outcome> {
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  // A command that refuses its arguments ends before it reads.
  child.stdin.once('error', () => undefined);
  child.stdin.end(input);
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { stdout, stderr, code: typeof code === 'number' ? code : -1 };
}
