/**
 * The process that owns a test cluster: it starts everything, tells on standard output in one line of JSON what was
 * started (ClusterDescription), and ends everything when its standard input ends. Whoever wanted the cluster holds the
 * other end of that pipe, so that the cluster ends with it, also where it is killed.
 *
 * `node test/cluster/keeper.ts [node]`. Progress goes to standard error.
 */
import { once } from 'node:events';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../peers/free-port.ts';
import { ADDRESSES } from './addresses.ts';
import { type Binaries, binaries } from './binaries.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { type ClusterDescription, DESCRIPTION_FILE } from './description.ts';
import { openDoor } from './door.ts';
import { clearLeftovers, FOLDER_PREFIX, OWNER_FILE, removeCluster } from './leftovers.ts';
import { startNode } from './node.ts';
import { inNode, nodeNamespaces } from './node-namespaces.ts';

const withNode = process.argv[2] === 'node';
const released = Promise.race([once(process.stdin.resume(), 'end'), once(process, 'SIGTERM')]);
// A terminal's Ctrl-C is for the one that holds the pipe.
process.on('SIGINT', () => undefined);
// Where nobody listens any more, what is left to do is to end in order.
for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined);

let building = true;
// The compiler's processes are of our group, and are not worth waiting for.
void released.then(() => building && process.kill(0, 'SIGKILL'));
const programs = await binaries(withNode, (line) => console.error(line));
building = false;
await clearLeftovers();
const folder = await mkdtemp(join(tmpdir(), FOLDER_PREFIX));
await writeFile(join(folder, OWNER_FILE), String(process.pid));
try {
  await using stack = new AsyncDisposableStack();
  const description = await startAll(folder, programs, stack);
  await writeFile(join(folder, DESCRIPTION_FILE), JSON.stringify(description));
  console.log(JSON.stringify(description));
  await released;
} finally {
  await removeCluster(folder);
  process.stdin.destroy();
}

async function startAll(folder: string, programs: Binaries, stack: AsyncDisposableStack): Promise<ClusterDescription> {
  const port = await freePort();
  if (!withNode) {
    const place = { folder, enter: [] };
    return described(stack.use(await startControlPlane({ place, binaries: programs, port })));
  }
  const { pid } = stack.use(await nodeNamespaces());
  stack.use(await openDoor(pid, port));
  const place = { folder, enter: inNode(pid) };
  const starting = startControlPlane({ place, binaries: programs, port, nodeAddress: ADDRESSES.node });
  const [controlPlane, node] = await Promise.all([
    starting.then((it) => stack.use(it)),
    startNode({ place, pid, binaries: programs, controlPlane: starting }).then((it) => stack.use(it)),
  ]);
  return { ...described(controlPlane), node };
}

function described({ url, kubeconfig }: ControlPlane): ClusterDescription {
  return { folder, url, kubeconfig, programs: { kubectl: programs.kubectl, helm: programs.helm } };
}
