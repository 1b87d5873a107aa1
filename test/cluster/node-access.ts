import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ADDRESSES } from './addresses.ts';
import { BUSYBOX } from './busybox-image.ts';
import { type CommandOptions, type Outcome, outcomeOf } from './command.ts';
import { importImage } from './containerd.ts';
import type { NodeDescription } from './description.ts';
import { inNetwork } from './node-namespaces.ts';
import { mortal } from './program.ts';

const NAME_MS = 5_000;
const LOOK_AGAIN_MS = 20;

/** What a test does with a node. */
export interface NodeAccess {
  nodeName: string;
  nodeAddress: string;
  /** Path of the node's network namespace, for `nsenter --net=`. */
  netns: string;
  /** Imports a docker-archive or OCI archive; pods use its images with `imagePullPolicy: Never`. */
  importImage(archive: string): Promise<void>;
  /** Where the files of a PersistentVolume are, seen from outside. */
  volumePath(name: string): string;
  /**
   * Makes pods find a name, which resolves when they do. The address is one that a test's server listens on, of
   * 203.0.113.0/24: all of them are addresses of the node's network.
   */
  addHost(name: string, address: string): Promise<void>;
  /** Runs a command in the node's network, on this machine's files. It reaches pods, Services and the API server. */
  run(command: string, args: readonly string[], options?: CommandOptions): Promise<Outcome>;
  /** Starts one that goes on, as a server or a sender; it ends at the latest with this process. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess;
}

export function nodeAccess(node: NodeDescription): NodeAccess {
  const inside = (command: string, args: readonly string[]): [string, string[]] => {
    // Twice: nsenter is to end with this process, and what it becomes is another program with its own say.
    const [file = command, ...rest] = mortal([...inNetwork(node.pid), ...mortal([command, ...args])]);
    return [file, rest];
  };
  const run: NodeAccess['run'] = (command, args, options) => outcomeOf(...inside(command, args), options);
  return {
    nodeName: node.name,
    nodeAddress: node.address,
    netns: `/proc/${node.pid}/ns/net`,
    importImage: (archive) => importImage(node.containerd, archive),
    volumePath: (name) => join(node.volumes, name),
    addHost: async (name, address) => {
      const file = `${name}-${randomUUID()}`;
      // The name server reads a file when it appears under a name without a dot in front.
      await writeFile(join(node.hosts, `.${file}`), `${address} ${name}\n`);
      await rename(join(node.hosts, `.${file}`), join(node.hosts, file));
      const deadline = performance.now() + NAME_MS;
      for (;;) {
        const { stdout } = await run(BUSYBOX, ['nslookup', name, ADDRESSES.nameServer]);
        if (stdout.includes(`Address: ${address}`)) return;
        if (performance.now() > deadline) throw new Error(`${name} is not found: ${stdout}`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      }
    },
    run,
    spawn: (command, args, options) => spawn(...inside(command, args), options ?? {}),
  };
}
