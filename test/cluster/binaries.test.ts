import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { binaries, cannotBuild } from './binaries.ts';

const PROGRAMS = ['etcd', 'kube-apiserver', 'kubectl', 'kube-controller-manager', 'helm'] as const;

test('programs of KUBEBUILDER_ASSETS are taken as they are, and nothing is built', async (t) => {
  const { assets } = await emptyMachine(t);
  for (const name of PROGRAMS) await writeFile(join(assets, name), '', { mode: 0o755 });
  const told: string[] = [];
  const found = await binaries(false, (line) => told.push(line));
  for (const name of PROGRAMS) assert.equal(found[name], join(assets, name));
  assert.deepEqual(told, []);
  assert.equal(await cannotBuild(false), undefined);
});

test('without Go it is said which programs are missing', async (t) => {
  const { assets } = await emptyMachine(t);
  for (const name of ['etcd', 'kube-apiserver', 'kubectl']) await writeFile(join(assets, name), '', { mode: 0o755 });
  assert.equal(
    await cannotBuild(false),
    'Go 1.26 is needed to build kube-controller-manager, helm (there is no go command)',
  );
});

/** No program was built, there are no assets yet, and no command is found. */
async function emptyMachine(t: TestContext): Promise<{ assets: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-binaries-'));
  const before = { ...process.env };
  const assets = join(folder, 'assets');
  await mkdir(assets);
  Object.assign(process.env, { KUBEBUILDER_ASSETS: assets, MAILHOLD_CACHE: join(folder, 'cache'), PATH: folder });
  t.after(async () => {
    process.env = before;
    await rm(folder, { recursive: true });
  });
  return { assets };
}
