/**
 * Commands of the documentation that are marked as such are run as they stand, page by page, in the order in which a
 * reader comes to them. Where there is a node, so is all of Mailhold, and the commands that ask it for something run too.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Block, blocksOf, PROJECT, pages } from '../documentation.ts';
import { type Cluster, requirements, startCluster } from './cluster.ts';
import { outcomeOf } from './command.ts';
import { importImage } from './containerd.ts';
import { removeMailhold } from './documented-mailhold.ts';
import { buildImage } from './image.ts';

/** Each begins on a cluster without Mailhold; a page may rest on what those before it did. */
const STORIES = [
  ['README.md', 'docs/office365.md', 'docs/exchange.md', 'docs/imap.md', 'docs/operations.md'],
  ['docs/kubernetes.md'],
];
/** What examples/kubernetes/values.yaml names. */
const IMAGE = 'registry.example.com/mailhold:0.1.0';

const withoutNode = await requirements({ node: true });
const skip = (await requirements({ node: false })) ?? false;
const timeout = 180_000;

let cluster: Cluster;
let folder: string;

before(
  async () => {
    if (skip) return;
    cluster = await startCluster({ node: withoutNode === undefined });
    if (cluster.node !== undefined) await importAs(IMAGE, cluster.node.containerd);
    // Commands may write files where they run, which is not to be here.
    folder = await mkdtemp(join(tmpdir(), 'mailhold-docs-'));
    for (const name of ['charts', 'examples']) await symlink(join(PROJECT, name), join(folder, name));
  },
  { timeout },
);
after(
  async () => {
    if (skip) return;
    await removeMailhold(cluster, false);
    await rm(folder, { recursive: true });
    await cluster[Symbol.asyncDispose]();
  },
  { timeout },
);

for (const names of STORIES) {
  const blocks = (await Promise.all(names.map((name) => pages(name)))).flat().flatMap(blocksOf);
  const commands = blocks.filter(({ mark }) => mark?.startsWith('run'));
  describe(names.join(', '), () => {
    if (!skip) before(() => removeMailhold(cluster, true), { timeout });
    for (const block of commands) {
      const left = block.mark === 'run-on-node' ? ((skip || withoutNode) ?? false) : skip;
      test(`${block.page}:${block.line} ${block.text.split('\n')[0]}`, { skip: left, timeout }, () => runs(block));
    }
  });
}

test('every page that shows commands of Kubernetes is read here', async () => {
  const named = new Set(STORIES.flat());
  const shown = (await pages('README.md', 'docs/*.md')).flatMap(blocksOf).filter(({ mark }) => mark?.startsWith('run'));
  assert.deepEqual(
    shown.filter(({ page }) => !named.has(page)).map(({ page, line }) => `${page}:${line}`),
    [],
  );
  assert.ok(shown.length >= 20, `only ${shown.length} blocks are marked`);
});

async function runs({ text }: Block): Promise<void> {
  const { folder: clusterFolder, kubeconfig, programs } = cluster;
  const path = [dirname(programs.kubectl), dirname(programs.helm), process.env.PATH].join(delimiter);
  const env = { PATH: path, HOME: join(clusterFolder, 'home'), KUBECONFIG: kubeconfig };
  const script = `cd '${folder}'\n${text}`;
  const { code, stdout, stderr } = await outcomeOf('bash', ['-euo', 'pipefail', '-c', script], { env });
  assert.equal(code, 0, `${stdout}${stderr}`);
}

/** The image of the sources, under a name that a registry would have given it. */
async function importAs(name: string, containerd: string): Promise<void> {
  const { tar, name: own } = await buildImage();
  await importImage(containerd, tar);
  const tag = ['images', 'tag', '--force', `docker.io/library/${own}`, name];
  const { code, stderr } = await outcomeOf('ctr', ['--address', containerd, '--namespace', 'k8s.io', ...tag]);
  assert.equal(code, 0, stderr);
}
