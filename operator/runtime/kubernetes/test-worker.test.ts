import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KUBERNETES_IMAP, kubernetesScene } from '../../../test/kubernetes-scene.ts';
import { SMTP } from '../../../test/plan-scene.ts';
import { plan } from '../../plan/plan.ts';
import { testWorker } from './test-worker.ts';
import { type PodWishes, pod, speakingWorker, workerFacts } from './testing/worker-scene.ts';
import type { WorkerPod } from './worker-pods.ts';

const INPUT = kubernetesScene({ poller: 'shards: 2' }, SMTP, KUBERNETES_IMAP);
const PLAN = plan(INPUT);
const uidOf = (name: string): string =>
  INPUT.connections.find(({ metadata }) => metadata.name === name)?.metadata.uid ?? '';
const SHARD = PLAN.connections.get(uidOf('undelivered'))?.shard ?? 0;

function worker(name: string, wishes: PodWishes, answers = true): WorkerPod {
  const client = speakingWorker();
  if (answers) client.facts = workerFacts({}, [], 0);
  const { role = 'receiver', shard = 0 } = wishes;
  const gateway = { namespace: 'contoso', name: 'default' };
  return { pod: pod(name, { address: name, ...wishes }), gateway, role, shard, client };
}

const cases: { name: string; connection: string; workers: WorkerPod[]; chosen: string | undefined }[] = [
  {
    name: 'a receiver that takes traffic',
    connection: 'journal',
    workers: [worker('a', {}), worker('b', { ready: true })],
    chosen: 'b',
  },
  { name: 'one that answers where none takes traffic', connection: 'journal', workers: [worker('a', {})], chosen: 'a' },
  {
    name: 'none that ends or has never answered',
    connection: 'journal',
    workers: [worker('a', { ready: true, ending: true }), worker('b', { ready: true }, false)],
    chosen: undefined,
  },
  {
    name: 'the poller of its shard',
    connection: 'undelivered',
    workers: [0, 1].map((shard) => worker(`p${shard}`, { role: 'poller', shard, ready: true })),
    chosen: `p${SHARD}`,
  },
  {
    name: 'no receiver for a mailbox',
    connection: 'undelivered',
    workers: [worker('a', { ready: true })],
    chosen: undefined,
  },
  {
    name: 'none for what is not planned',
    connection: 'gone',
    workers: [worker('a', { ready: true })],
    chosen: undefined,
  },
];

for (const { name, connection, workers, chosen } of cases) {
  test(`a connection is tested at ${name}`, () => {
    const of = (_: unknown, role: string, shard: number) =>
      workers.filter((it) => it.role === role && it.shard === shard);
    const found = testWorker(PLAN, { of }, uidOf(connection));
    assert.equal(workers.find(({ client }) => client === found && found !== undefined)?.pod.metadata.name, chosen);
  });
}

test('before the first plan there is none', () => {
  assert.equal(testWorker(undefined, { of: () => [] }, 'u'), undefined);
});
