import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ADDRESSES } from './addresses.ts';
import { mortal } from './program.ts';

/** A network with no way out, mounts and processes of its own. */
export interface NodeNamespaces extends AsyncDisposable {
  /** A process in them. */
  pid: number;
}

/** Makes the namespaces of a node. With them end all processes in them, and all their mounts. Needs root. */
export async function nodeNamespaces(): Promise<NodeNamespaces> {
  const first = [join(import.meta.dirname, 'node-namespaces.sh'), ADDRESSES.node, ADDRESSES.testHosts];
  const unshare = ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child=SIGKILL', '--mount-proc', ...first];
  const [file = '', ...args] = mortal(unshare);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const exit = once(child, 'exit');
  const problem = text(child.stderr);
  const ready = await Promise.race([once(child.stdout, 'data').then(() => true), exit.then(() => false)]);
  if (!ready) throw new Error(`no namespaces for a node: ${(await problem).trim()}`);
  return {
    pid: Number(await readFile(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** What is put before a command so that it runs in the network of that process; it sees this machine's files. */
export function inNetwork(pid: number): string[] {
  return ['nsenter', `--target=${pid}`, '--net'];
}

/** The same for a program of the node, which also sees the node's mounts, and ends with its processes. */
export function inNode(pid: number): string[] {
  return ['nsenter', `--target=${pid}`, '--net', '--mount', '--pid'];
}
