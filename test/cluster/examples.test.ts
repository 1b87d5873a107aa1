/** What a user starts from is what an API server takes, as it stands. */
import assert from 'node:assert/strict';
import { glob } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PROJECT } from '../documentation.ts';
import { type Cluster, requirements, startCluster } from './cluster.ts';
import { NAMESPACES, removeMailhold } from './documented-mailhold.ts';
import { CHART, type Outcome } from './rendered-chart.ts';

const skip = (await requirements({ node: false })) ?? false;
const FOLDER = join(PROJECT, 'examples/kubernetes');
const files = (await Array.fromAsync(glob('*.yaml', { cwd: FOLDER }))).sort();
const isValues = (file: string) => file.startsWith('values');
const STRICT = ['--validate=strict', '-f'];

let cluster: Cluster;

before(async () => {
  if (skip) return;
  cluster = await startCluster({ node: false });
  await removeMailhold(cluster, true);
  done(await cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', join(PROJECT, 'crds')]));
  const kinds = ['archiveconnections', 'mailgateways', 'mailarchives'].map((it) => `crd/${it}.mailhold.dev`);
  done(await cluster.kubectl(['wait', '--for=condition=Established', ...kinds, '--timeout=30s']));
  done(await cluster.kubectl(['apply', ...STRICT, join(FOLDER, 'namespaces.yaml')]));
});
after(async () => {
  if (skip) return;
  await removeMailhold(cluster, false);
  await cluster[Symbol.asyncDispose]();
});

test('the namespaces are those that the other examples live in', { skip }, async () => {
  const names = done(await cluster.kubectl(['get', '-f', join(FOLDER, 'namespaces.yaml'), '-o', 'name']));
  assert.deepEqual(
    names.trim().split('\n').sort(),
    NAMESPACES.map((name) => `namespace/${name}`),
  );
});

for (const file of files.filter((name) => !isValues(name) && name !== 'namespaces.yaml')) {
  test(`the API server takes ${file}`, { skip }, async () => {
    const path = join(FOLDER, file);
    const { stdout, stderr, code } = await cluster.kubectl(['apply', ...STRICT, path]);
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /created/);
    done(await cluster.kubectl(['delete', '-f', path]));
  });
}

for (const file of files.filter(isValues)) {
  test(`the chart makes of ${file} what the API server takes`, { skip }, async () => {
    const values = ['--namespace', 'mailhold', '--values', join(FOLDER, file)];
    const input = done(await cluster.helm(['template', 'mailhold', CHART, ...values]));
    const args = ['apply', '--server-side', '--dry-run=server', ...STRICT, '-'];
    const { code, stderr } = await cluster.kubectl(args, { input });
    assert.deepEqual([code, stderr], [0, '']);
  });
}

function done({ code, stdout, stderr }: Outcome): string {
  assert.equal(code, 0, stderr);
  return stdout;
}
