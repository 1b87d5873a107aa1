import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayOf, KUBERNETES_IMAP, kubernetesScene } from '../../../test/kubernetes-scene.ts';
import { SMTP } from '../../../test/plan-scene.ts';
import { ApiError } from '../../kube/api-error.ts';
import { objectsInMemory } from '../../kube/testing/objects-in-memory.ts';
import { keyOf, type Plan, type PlannedGateway, plan } from '../../plan/plan.ts';
import type { Delivered } from './delivery.ts';
import { createGatewayWorkloads } from './gateway-workloads.ts';
import { pod, sceneClock, sceneLog, speakingWorker, workerFacts } from './testing/worker-scene.ts';
import type { WorkerPod } from './worker-pods.ts';

interface Scene {
  planned: PlannedGateway;
  archive: ReturnType<typeof archiveIn>;
}

function archiveIn({ archives }: Plan) {
  return archives.get('contoso/mail')?.archive;
}

/** The gateway of a scene with this many pollers and these connections. */
function scene(shards: number, ...manifests: string[]): Scene {
  const whole = plan(kubernetesScene({ poller: `shards: ${shards}` }, ...manifests));
  const planned = gatewayOf(whole);
  assert.ok(planned);
  return { planned, archive: archiveIn(whole) };
}

const ALL = scene(1, SMTP, KUBERNETES_IMAP);
const EMPTY = scene(1);
const WIDE = scene(3, SMTP, KUBERNETES_IMAP);

function fixture() {
  const memory = objectsInMemory();
  const clock = sceneClock();
  const log = sceneLog();
  const pods: WorkerPod[] = [];
  const answer: { delivered: Delivered } = { delivered: { doubtful: false } };
  const start = () =>
    createGatewayWorkloads({
      client: memory.client,
      watched: {
        live: memory.live,
        children: (type) =>
          [...memory.objects].filter(([key]) => key.startsWith(`${type.plural}/`)).map(([, object]) => object),
      },
      pods: { of: (_, role) => pods.filter((it) => it.role === role) },
      delivery: { deliver: async () => answer.delivered },
      image: 'mailhold:1',
      imagePullPolicy: 'IfNotPresent',
      clock,
      log,
    });
  const workloads = start();
  const bring = ({ planned, archive }: Scene) => workloads.bring(planned, archive);
  /** Verbs and names of the writes since the last look. */
  const writes = (): string[] =>
    memory
      .takeCalls()
      .filter((call) => !call.startsWith('get '))
      .map((call) => call.replace('contoso/default-', ''));
  const names = (): string[] => [...memory.objects.keys()].map((key) => key.replace('contoso/default-', '')).sort();
  return { memory, clock, log, pods, answer, workloads, start, bring, writes, names };
}

test('a gateway is brought to what is planned: its Secrets before the Deployment that mounts them', async () => {
  const { bring, writes, names } = fixture();
  assert.deepEqual(await bring(ALL), {});
  const order = writes();
  assert.deepEqual(order.slice(0, 2), ['apply serviceaccounts/workers', 'apply services/receiver']);
  for (const workload of ['receiver', 'poller-0']) {
    const deployment = order.indexOf(`apply deployments/${workload}`);
    assert.ok(order.indexOf(`apply secrets/${workload}-group`) < deployment, workload);
  }
  assert.deepEqual(
    names().filter((name) => !name.startsWith('secrets/')),
    ['deployments/poller-0', 'deployments/receiver', 'serviceaccounts/workers', 'services/receiver'],
  );
});

test('a second time there is nothing to write, nor after a restart', async () => {
  const { bring, writes, start } = fixture();
  await bring(ALL);
  writes();
  await bring(ALL);
  assert.deepEqual(writes(), []);
  await start().bring(ALL.planned, ALL.archive);
  assert.deepEqual(writes(), []);
});

test('changes of the configuration in quick succession wait for each other', async () => {
  const { bring, writes, clock, log } = fixture();
  await bring(EMPTY);
  writes();
  clock.pass(100);
  assert.deepEqual(await bring(ALL), { again: 250 });
  assert.deepEqual(writes(), []);
  clock.pass(250);
  assert.deepEqual(await bring(ALL), {});
  assert.ok(writes().some((write) => write.startsWith('apply secrets/poller-0-connections-')));
  assert.deepEqual(log.lines.filter((line) => line === 'configuration-written').length, 2);
});

test('a configuration whose writing failed is written at the next try, without a wait', async () => {
  const { bring, writes, clock, memory } = fixture();
  await bring(EMPTY);
  clock.pass(2_500);
  memory.meddle = (call) => {
    if (call === 'apply secrets/contoso/default-receiver-group') throw new ApiError('Unavailable', 'later');
  };
  await assert.rejects(bring(changed()), { code: 'Unavailable' });
  memory.meddle = () => undefined;
  writes();
  assert.deepEqual(await bring(changed()), {});
  assert.ok(writes().includes('apply secrets/receiver-group'));
});

/** The same gateway with another host name. */
function changed(): Scene {
  const whole = plan(kubernetesScene({ hostName: 'mx.example.com' }, SMTP, KUBERNETES_IMAP));
  const planned = gatewayOf(whole);
  assert.ok(planned);
  return { planned, archive: archiveIn(whole) };
}

test('pollers that are no longer asked for go, after their Secrets', async () => {
  const { bring, writes, names, clock } = fixture();
  await bring(WIDE);
  assert.ok(names().some((name) => name.startsWith('secrets/poller-2-')));
  clock.pass(3_000);
  writes();
  await bring(ALL);
  const deletions = writes().filter((write) => write.startsWith('delete '));
  for (const workload of ['poller-1', 'poller-2']) {
    assert.ok(
      deletions.indexOf(`delete secrets/${workload}-group`) < deletions.indexOf(`delete deployments/${workload}`),
    );
  }
  assert.deepEqual(
    names().filter((name) => name.includes('poller-1') || name.includes('poller-2')),
    [],
  );
  assert.ok(names().includes('deployments/poller-0'));
});

test('a removal that broke off is carried on: the Deployment is there as long as a Secret of it may be', async () => {
  const { bring, names, clock, memory } = fixture();
  await bring(WIDE);
  clock.pass(3_000);
  memory.meddle = (call) => {
    if (call === 'delete secrets/contoso/default-poller-1-group') throw new ApiError('Unavailable', 'later');
  };
  await assert.rejects(bring(ALL), { code: 'Unavailable' });
  assert.ok(names().includes('deployments/poller-1'));
  memory.meddle = () => undefined;
  await bring(ALL);
  assert.deepEqual(
    names().filter((name) => name.includes('poller-1')),
    [],
  );
});

const spared: [string, (metadata: { labels?: object; ownerReferences?: object[] }) => void][] = [
  ['of another owner', (metadata) => Object.assign(metadata, { ownerReferences: [] })],
  ['of another gateway', ({ labels }) => Object.assign(labels ?? {}, { 'mailhold.dev/gateway': 'other' })],
];
for (const [what, change] of spared) {
  test(`an object ${what} is not removed`, async () => {
    const { bring, names, clock, memory } = fixture();
    await bring(WIDE);
    clock.pass(3_000);
    memory.edit('deployments/contoso/default-poller-2', ({ metadata }) => change(metadata));
    await bring(ALL);
    assert.ok(names().includes('deployments/poller-2'));
  });
}

test('without an archive all workers are left as they are', async () => {
  const { bring, writes, names, workloads } = fixture();
  await bring(WIDE);
  const before = names();
  writes();
  assert.deepEqual(await workloads.bring(ALL.planned, undefined), {});
  assert.deepEqual(writes(), []);
  assert.deepEqual(names(), before);
});

test('it comes again when delivery asks for it, and reads Secrets that are doubted', async () => {
  const { bring, writes, answer, memory } = fixture();
  answer.delivered = { again: 500, doubtful: false };
  assert.deepEqual(await bring(ALL), { again: 500 });
  memory.objects.delete('secrets/contoso/default-receiver-group');
  writes();
  answer.delivered = { again: 4_000, doubtful: true };
  assert.deepEqual(await bring(ALL), { again: 4_000 });
  assert.deepEqual(writes(), [], 'they were taken to be there');
  await bring(ALL);
  assert.deepEqual(writes(), ['apply secrets/receiver-group']);
});

test('there is news when the plan, an object or a pod changed, and once', async () => {
  const { bring, workloads, memory, pods } = fixture();
  const isNews = ({ planned, archive }: Scene): boolean => workloads.isNews(planned, archive);
  const expectNews = (what: string, it: Scene): void => {
    assert.equal(isNews(it), true, what);
    assert.equal(isNews(it), false, `${what}, once`);
  };
  expectNews('a gateway', ALL);
  await bring(ALL);
  expectNews('its objects', ALL);
  expectNews('another configuration', changed());
  expectNews('it back again', ALL);
  memory.edit('services/contoso/default-receiver', (service) => Object.assign(service, { status: {} }));
  expectNews('a Service with an address', ALL);
  const client = speakingWorker();
  const { receiver } = ALL.planned;
  assert.ok(receiver);
  pods.push({ pod: pod('a'), gateway: receiver.gateway, role: 'receiver', shard: 0, client });
  expectNews('a pod', ALL);
  client.facts = workerFacts({}, [], 0);
  expectNews('a pod that serves something else', ALL);
  client.lastError = { at: 0, code: 'WorkerUnreachable', message: 'Nothing listens there.' };
  assert.equal(isNews(ALL), false, 'silence is none');
});

test('a gateway that is gone is forgotten', async () => {
  const { bring, workloads, memory } = fixture();
  workloads.isNews(ALL.planned, ALL.archive);
  await bring(ALL);
  workloads.keep([ALL.planned.gateway]);
  memory.takeCalls();
  await bring(ALL);
  assert.deepEqual(memory.takeCalls(), []);
  workloads.keep([]);
  await bring(ALL);
  assert.ok(
    memory.takeCalls().every((call) => call.startsWith('get ')),
    `${keyOf(ALL.planned.gateway)} is read anew`,
  );
  assert.equal(workloads.isNews(ALL.planned, ALL.archive), true);
});
