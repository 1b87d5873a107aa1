import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionFacts } from '../../../workers/process/contract.ts';
import type { Pod } from './pod.ts';
import {
  facts,
  GATEWAY,
  type PodWishes,
  pod,
  SCENE_NOW,
  type SpeakingWorker,
  sceneClock,
  speakingWorker,
  workerFacts,
} from './testing/worker-scene.ts';
import { createWorkerPods } from './worker-pods.ts';

const MINUTE = 60_000;

function fixture() {
  const clock = sceneClock();
  const closing = new AbortController();
  /** By address. */
  const workers = new Map<string, SpeakingWorker & { stop: AbortSignal }>();
  let present: Pod[] = [];
  const pods = createWorkerPods({
    clock,
    signal: closing.signal,
    follow: (_, address, stop) => {
      const worker = { ...speakingWorker(), stop };
      workers.set(address, worker);
      return worker;
    },
  });
  /** All pods that there are, and what they tell from now on; the address is the name. */
  const bring = (...given: [string, PodWishes, ConnectionFacts[]?][]): void => {
    present = given.map(([name, wishes]) => pod(name, { address: name, ...wishes }));
    pods.bring(present);
    for (const [name, , connections] of given) tell(name, connections);
  };
  const tell = (name: string, connections: ConnectionFacts[] | undefined): void => {
    const worker = workers.get(name);
    if (worker === undefined || connections === undefined) return;
    worker.facts = workerFacts({ software: name }, connections, clock.monotonic());
  };
  const receiver = () => pods.reports().reports.get('mail/edge')?.receiver;
  return { clock, closing, workers, pods, bring, tell, receiver };
}

test('a pod is followed from when it has an address until it goes', () => {
  const { pods, workers, bring } = fixture();
  pods.bring([pod('a')]);
  assert.equal(workers.size, 0);
  bring(['a', {}]);
  assert.deepEqual([...workers.keys()], ['a']);
  bring(['a', { ready: true }]);
  assert.equal(workers.get('a')?.stop.aborted, false, 'it is the same client');
  pods.bring([pod('a', { address: 'elsewhere' })]);
  assert.equal(workers.get('a')?.stop.aborted, true);
  assert.equal(workers.get('elsewhere')?.stop.aborted, false);
  pods.bring([]);
  assert.equal(workers.get('elsewhere')?.stop.aborted, true);
  assert.deepEqual(pods.of(GATEWAY, 'receiver', 0), []);
});

test('the end of the operator ends all clients', () => {
  const { workers, bring, closing } = fixture();
  bring(['a', {}]);
  closing.abort();
  assert.equal(workers.get('a')?.stop.aborted, true);
});

test('pods whose labels are not ours are nobody, whatever number they claim', () => {
  const { pods, workers } = fixture();
  const strange: Record<string, string>[] = [
    {},
    { 'mailhold.dev/gateway': 'edge' },
    { 'mailhold.dev/gateway': 'edge', 'app.kubernetes.io/component': 'operator' },
    { 'mailhold.dev/gateway': 'edge', 'app.kubernetes.io/component': 'poller' },
    { 'mailhold.dev/gateway': 'edge', 'app.kubernetes.io/component': 'poller', 'mailhold.dev/shard': '999999999' },
    { 'mailhold.dev/gateway': 'edge', 'app.kubernetes.io/component': 'poller', 'mailhold.dev/shard': 'none' },
  ];
  pods.bring(
    strange.map((labels, index) => {
      const one = pod(`p${index}`, { address: `p${index}` });
      return { ...one, metadata: { ...one.metadata, labels } };
    }),
  );
  assert.equal(workers.size, 0);
  assert.equal(pods.reports().reports.size, 0);
});

test('a group reports what its ready pods tell together, and how many they are', () => {
  const { bring, receiver } = fixture();
  bring(['a', { ready: true }, []], ['b', { ready: true }, []], ['c', {}, []]);
  assert.equal(receiver()?.group?.software, 'a b');
  assert.equal(receiver()?.readyWorkers, 2);
  assert.equal(receiver()?.answeredAt, SCENE_NOW);
});

test('a rollout of a poller, whose pod comes after the one before is gone, moves nothing', () => {
  const { pods, clock, bring } = fixture();
  const poller = () => pods.reports().reports.get('mail/edge')?.pollers?.[0];
  const told = () => pods.reports().facts.get('u')?.revision;
  bring(['a', { role: 'poller', ready: true }, [facts('u')]]);
  assert.deepEqual([poller()?.group?.software, told()], ['a', 'r1']);
  bring(['a', { role: 'poller', ending: true }]);
  assert.deepEqual([poller()?.group?.software, poller()?.readyWorkers, told()], ['a', 0, 'r1']);
  bring();
  clock.pass(30_000);
  assert.deepEqual([poller()?.group?.software, told()], ['a', 'r1']);
  bring(['b', { role: 'poller' }, []]);
  assert.deepEqual([poller()?.group?.software, told()], ['a', 'r1']);
  bring(['b', { role: 'poller', ready: true }, [facts('u')]]);
  assert.equal(poller()?.group?.software, 'b');
});

test('of a group without pods nothing is left after three minutes', () => {
  const { pods, clock, bring } = fixture();
  bring(['a', { ready: true }, [facts('u')]]);
  pods.reports();
  bring();
  clock.pass(3 * MINUTE);
  const { reports, facts: left } = pods.reports();
  assert.deepEqual([reports.size, left.size], [0, 0]);
});

test('a worker that is ready and never answers is silent since it came', () => {
  const { clock, bring, receiver } = fixture();
  bring(['a', { ready: true }]);
  clock.pass(4 * MINUTE);
  assert.equal(receiver()?.group, undefined);
  assert.equal(receiver()?.answeredAt, SCENE_NOW);
});

test('a connection is served by the pollers that report it, also by one that ends', () => {
  const { pods, bring } = fixture();
  const other = { namespace: 'mail', name: 'other' };
  bring(
    ['a', { role: 'poller', shard: 0, ending: true }, [facts('u')]],
    ['b', { role: 'poller', shard: 1, ready: true }, [facts('u'), facts('v')]],
    ['c', { role: 'poller', shard: 1, ready: true, gateway: other }, [facts('v')]],
    ['d', { role: 'receiver', ready: true }, [facts('w')]],
  );
  assert.deepEqual(
    [...pods.reports().servedBy],
    [
      ['u', ['mail/edge/0', 'mail/edge/1']],
      ['v', ['mail/edge/1', 'mail/other/1']],
    ],
  );
  bring(['b', { role: 'poller', shard: 1, ready: true }, []]);
  assert.equal(pods.reports().servedBy.size, 0, 'neither those that are gone nor those that have let go');
});

test('of a connection that moved, the facts of the worker count that answered last', () => {
  const { pods, clock, bring, tell } = fixture();
  for (const first of [0, 1]) {
    bring(
      ['old', { role: 'poller', shard: first, ready: true }, [facts('u', { revision: 'old' })]],
      ['new', { role: 'poller', shard: 1 - first, ready: true }, []],
    );
    pods.reports();
    clock.pass(1_000);
    bring(
      ['old', { role: 'poller', shard: first, ending: true }],
      ['new', { role: 'poller', shard: 1 - first, ready: true }],
    );
    tell('new', [facts('u', { revision: 'new' })]);
    assert.equal(pods.reports().facts.get('u')?.revision, 'new');
    bring();
    clock.pass(5 * MINUTE);
    pods.reports();
  }
});

const settling: { name: string; steps: (it: ReturnType<typeof fixture>) => void; settling: boolean }[] = [
  { name: 'a gateway without pods', steps: () => undefined, settling: false },
  { name: 'a pod that was just found', steps: ({ bring }) => bring(['a', { ready: true }]), settling: true },
  { name: 'a pod that does not run yet', steps: ({ pods }) => pods.bring([pod('a')]), settling: false },
  {
    name: 'one that has not answered in ten seconds',
    steps: ({ bring, clock }) => {
      bring(['a', { ready: true }]);
      clock.pass(10_000);
    },
    settling: false,
  },
  { name: 'one that has answered', steps: ({ bring }) => bring(['a', { ready: true }, []]), settling: false },
  {
    name: 'two that are ready, of which one has answered',
    steps: ({ bring }) => bring(['a', { ready: true }, []], ['b', { ready: true }]),
    settling: true,
  },
  {
    name: 'a new pod of a group that was heard',
    steps: ({ bring }) => bring(['a', { ready: true }, []], ['b', {}]),
    settling: false,
  },
  {
    name: 'a poller that was not heard, beside receivers that were',
    steps: ({ bring }) => bring(['a', { ready: true }, []], ['p', { role: 'poller' }]),
    settling: true,
  },
  {
    name: 'a pod of another gateway',
    steps: ({ bring }) => bring(['a', { gateway: { namespace: 'mail', name: 'other' } }]),
    settling: false,
  },
];

for (const { name, steps, settling: expected } of settling) {
  test(`${expected ? 'lights wait' : 'no light waits'} for ${name}`, () => {
    const it = fixture();
    steps(it);
    it.pods.reports();
    assert.equal(it.pods.isSettling(GATEWAY), expected);
  });
}

test('a pod that its kubelet is still making is told since it was seen', () => {
  const { pods, clock } = fixture();
  const making = { containerStatuses: [{ restartCount: 0, state: { waiting: { reason: 'ContainerCreating' } } }] };
  const seenAt = clock.monotonic();
  pods.bring([pod('a', { status: making })]);
  clock.pass(6_000);
  pods.bring([pod('a', { status: making }), pod('b', { status: making })]);
  assert.equal(pods.beingMadeSince(GATEWAY), seenAt);
  pods.bring([pod('a', { address: 'a' })]);
  assert.equal(pods.beingMadeSince(GATEWAY), undefined);
  pods.bring([pod('c', { status: making, ending: true })]);
  assert.equal(pods.beingMadeSince(GATEWAY), undefined);
});
