/** Definitions of another version in the cluster: nothing is done with them, and the words say what to apply. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SCHEMA_REVISION_ANNOTATION } from '../../operator/api/emit-crd.ts';
import { type Cluster, requirements } from './cluster.ts';
import { outcomeOf } from './command.ts';
import { done } from './installed-mailhold.ts';
import { archive, type Names } from './operator-manifests.ts';
import { type OperatorScene, operatorScene } from './operator-scene.ts';
import { CHART } from './rendered-chart.ts';

const skip = (await requirements({ node: false })) ?? false;
const CRD = 'crd/archiveconnections.mailhold.dev';

let scene: OperatorScene;
const atEdge = (name: string): Names => ({ namespace: scene.edge, name });

before(async () => {
  if (skip) return;
  scene = await operatorScene('definitions');
});

after(async () => {
  if (skip) return;
  await using _ = scene;
  await scene.check();
});

test('with an older definition it is not ready and does nothing; the printed command heals it without a restart', {
  skip,
}, async (t) => {
  t.after(() => applied(scene.cluster, `helm show crds ${CHART} | kubectl apply --server-side --force-conflicts -f -`));
  await scene.kubectl('annotate', CRD, `${SCHEMA_REVISION_ANNOTATION}=older`, '--overwrite');
  const { text } = await readyzOnce(503);
  assert.match(
    text,
    /archiveconnections\.mailhold\.dev is of another version \(schema older, this operator needs \S+\)/,
  );
  await scene.apply(archive(atEdge('waiting')));

  const command = /: (helm show crds CHART .*)$/m.exec(text)?.[1] ?? '';
  await applied(scene.cluster, command.replace('CHART', CHART));
  assert.equal((await readyzOnce(200)).text, 'ready\n');
  const waiting = await scene.shows('MailArchive', atEdge('waiting'), 'True NotInUse');
  assert.equal(waiting.status?.observedGeneration, 1);
  const told = scene.operator.log.filter(({ event }) => event === 'definition-outdated');
  assert.equal(told.length, 1);
});

/** The page, once it has this code. */
async function readyzOnce(code: number): Promise<{ code: number; text: string }> {
  const signal = AbortSignal.timeout(10_000);
  for (;;) {
    const answer = await scene.operator.readyz();
    if (answer.code === code) return answer;
    signal.throwIfAborted();
  }
}

/** In a shell with the cluster's programs. */
async function applied({ programs, kubeconfig, folder }: Cluster, command: string): Promise<void> {
  const here = `kubectl() { ${programs.kubectl} "$@"; }; helm() { ${programs.helm} "$@"; }; ${command}`;
  done(await outcomeOf('sh', ['-c', here], { env: { PATH: process.env.PATH, KUBECONFIG: kubeconfig, HOME: folder } }));
}
