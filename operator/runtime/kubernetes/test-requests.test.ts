import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { KUBERNETES_IMAP, kubernetesScene } from '../../../test/kubernetes-scene.ts';
import type { ConnectionFacts, TestEvent } from '../../../workers/process/contract.ts';
import type { ArchiveConnection } from '../../api/archive-connection.ts';
import { TEST_REQUEST_ANNOTATION } from '../../plan/connection.ts';
import { type PlanInput, plan } from '../../plan/plan.ts';
import { createTestRequests } from './test-requests.ts';
import {
  attempt,
  facts,
  SCENE_NOW,
  type SpeakingWorker,
  sceneClock,
  sceneLog,
  speakingWorker,
} from './testing/worker-scene.ts';

const ENDED: TestEvent = { type: 'end', attempt: attempt(SCENE_NOW) };
const REFUSED: TestEvent = { type: 'refused', message: 'Not this version yet.' };
const NOTHING: ReadonlyMap<string, ConnectionFacts> = new Map();

/** Mailboxes m0, m1 and so on, of which each asks for a test by this value. */
function mailboxes(count: number, request: string | undefined = 'now'): PlanInput {
  const input = kubernetesScene(
    {},
    ...Array.from({ length: count }, (_, index) =>
      KUBERNETES_IMAP.replace('name: undelivered', `name: m${index}`).replace('user: undeliverable', `user: u${index}`),
    ),
  );
  return { ...input, connections: input.connections.map((it) => asking(it, request)) };
}

function asking(connection: ArchiveConnection, request: string | undefined): ArchiveConnection {
  const annotations = request === undefined ? {} : { [TEST_REQUEST_ANNOTATION]: request };
  return { ...connection, metadata: { ...connection.metadata, annotations } };
}

function fixture(input: PlanInput) {
  const clock = sceneClock();
  const log = sceneLog();
  const worker = speakingWorker();
  const marked: string[] = [];
  const state = {
    input,
    worker: worker as SpeakingWorker | undefined,
    /** Tests whose worker does not answer until it is let go, by uid. */
    held: undefined as Promise<void> | undefined,
    handled: 0,
  };
  const requests = createTestRequests({
    plan: () => plan(state.input),
    mark: (uid) => marked.push(uid),
    nextRound: async () => await state.held,
    worker: () => state.worker,
    onHandled: () => {
      state.handled += 1;
    },
    clock,
    log,
    signal: new AbortController().signal,
  });
  const bring = async (connections = state.input.connections): Promise<void> => {
    requests.bring(connections);
    clock.pass(1);
    await turn();
  };
  const [first] = input.connections;
  const uid = first?.metadata.uid ?? '';
  return { clock, log, worker, marked, state, requests, bring, uid };
}

test('a request is tested once, with a password that was read anew and the revision that is planned', async () => {
  const { bring, worker, marked, uid, state } = fixture(mailboxes(1));
  worker.events = [ENDED];
  await bring();
  await bring();
  assert.deepEqual(marked, [uid]);
  assert.deepEqual(worker.asked, [{ uid, revision: plan(state.input).connections.get(uid)?.entry?.revision }]);
});

test('it is echoed with its result, as soon as that is among the facts', async () => {
  const { bring, worker, requests, uid, state } = fixture(mailboxes(1));
  worker.events = [ENDED];
  await bring();
  assert.equal(state.handled, 1);
  assert.equal(requests.handled(NOTHING).get(uid), undefined);
  const older = new Map([[uid, facts(uid, { attempt: attempt(SCENE_NOW - 1) })]]);
  assert.equal(requests.handled(older).get(uid), undefined);
  const newer = new Map([[uid, facts(uid, { attempt: attempt(SCENE_NOW) })]]);
  assert.equal(requests.handled(newer).get(uid), 'now');
  await bring();
  assert.equal(worker.asked.length, 1);
});

test('it is echoed after five seconds where the facts do not come', async () => {
  const { bring, worker, requests, uid, clock } = fixture(mailboxes(1));
  worker.events = [ENDED];
  await bring();
  clock.pass(5_000);
  assert.equal(requests.handled(NOTHING).get(uid), 'now');
});

test('a new value is a new request', async () => {
  const { bring, worker, requests, clock, state, uid } = fixture(mailboxes(1));
  worker.events = [ENDED];
  await bring();
  clock.pass(5_000);
  requests.handled(NOTHING);
  await bring(state.input.connections.map((it) => asking(it, 'again')));
  assert.equal(worker.asked.length, 2);
  clock.pass(5_000);
  assert.equal(requests.handled(NOTHING).get(uid), 'again');
});

const open: { name: string; arrange: (it: ReturnType<typeof fixture>) => void }[] = [
  { name: 'the worker has not got this version yet', arrange: ({ worker }) => (worker.events = [REFUSED]) },
  { name: 'there is no worker', arrange: ({ state }) => (state.worker = undefined) },
  { name: 'the worker breaks off', arrange: ({ worker }) => (worker.events = []) },
];
for (const { name, arrange } of open) {
  test(`a request stays open where ${name}, and is tried again in the next round`, async () => {
    const it = fixture(mailboxes(1));
    arrange(it);
    await it.bring();
    assert.equal(it.requests.handled(NOTHING).size, 0);
    assert.equal(it.state.handled, 0, 'that alone starts no round');
    it.state.worker = it.worker;
    it.worker.events = [ENDED];
    await it.bring();
    it.clock.pass(5_000);
    assert.equal(it.requests.handled(NOTHING).get(it.uid), 'now');
  });
}

test('a test that fails to be asked for is logged, and tried again', async () => {
  const { bring, state, log, uid, requests, worker, clock } = fixture(mailboxes(1));
  state.held = Promise.reject(new Error('no round'));
  await bring();
  assert.ok(log.lines.includes('test-not-ended'));
  state.held = undefined;
  worker.events = [ENDED];
  await bring();
  clock.pass(5_000);
  assert.equal(requests.handled(NOTHING).get(uid), 'now');
});

test('where there is nothing to test with, the request is echoed at once: the light says why', async () => {
  const input = mailboxes(1);
  const fault = { reason: 'SecretNotFound', message: 'It does not exist.' } as const;
  const { bring, requests, uid, worker, state } = fixture({ ...input, secrets: new Map() });
  await bring();
  assert.equal(requests.handled(NOTHING).get(uid), 'now', 'without a password');
  state.input = { ...input, secrets: new Map([[uid, { kind: 'fault', fault }]]) };
  await bring(state.input.connections.map((it) => asking(it, 'again')));
  assert.equal(requests.handled(NOTHING).get(uid), 'again');
  assert.deepEqual(worker.asked, []);
  assert.equal(state.handled, 2);
});

test('what was handled before a restart is not tested again, and nothing is where nobody asks', async () => {
  const { bring, worker, state } = fixture(mailboxes(1));
  await bring(state.input.connections.map((it) => ({ ...it, status: { lastHandledTestAt: 'now' } })));
  await bring(mailboxes(1, undefined).connections.map((it) => asking(it, undefined)));
  assert.deepEqual(worker.asked, []);
});

test('four are tested at once, and those that cannot be tested keep no others waiting', async () => {
  const { bring, marked, state, requests } = fixture(mailboxes(10));
  const gate = Promise.withResolvers<void>();
  state.held = gate.promise;
  await bring();
  await bring();
  assert.equal(marked.length, 4);
  state.worker = undefined;
  gate.resolve();
  await turn();
  for (let round = 0; round < 3; round += 1) await bring();
  assert.equal(new Set(marked).size, 10, 'each had its turn');
  assert.equal(requests.handled(NOTHING).size, 0);
});

test('connections that are gone are forgotten', async () => {
  const { bring, requests, clock, worker } = fixture(mailboxes(2));
  worker.events = [ENDED];
  await bring();
  clock.pass(5_000);
  assert.equal(requests.handled(NOTHING).size, 2);
  await bring([]);
  assert.equal(requests.handled(NOTHING).size, 0);
});
