import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from './api-error.ts';
import { createInformer, type Informer } from './informer.ts';
import type { Change } from './store.ts';
import { type ManualTime, manualTime } from './testing/manual-time.ts';
import { type SimulatedServer, simulatedServer, THINGS, type Thing } from './testing/simulated-server.ts';
import { keyOfObject } from './types.ts';

// The faults come from a simulated server: see testing/simulated-server.ts. The real one is in test/cluster.

interface Rig {
  time: ManualTime;
  server: SimulatedServer;
  informer: Informer<Thing>;
  changes: Change<Thing>[];
  logged: string[];
  /** The changes in a word, and the name; forgets them. */
  news(): string[];
}

function rig(t: TestContext, onChange: (change: Change<Thing>) => unknown = () => undefined): Rig {
  const time = manualTime();
  const server = simulatedServer(time);
  const changes: Change<Thing>[] = [];
  const logged: string[] = [];
  const log = (event: string): void => void logged.push(event);
  const informer = createInformer<Thing>({
    client: server.client,
    type: THINGS,
    pageSize: 2,
    random: () => 0,
    log: { info: log, warn: log, error: log },
    clock: time.clock,
    timers: time.timers,
    onChange: (change) => {
      changes.push(change);
      return onChange(change);
    },
  });
  t.after(() => informer[Symbol.asyncDispose]());
  const news = (): string[] => changes.splice(0).map(({ type, object }) => `${type} ${object.metadata.name}`);
  return { time, server, informer, changes, logged, news };
}

const gone = new ApiError('Gone', 'too old resource version', { status: 410 });
const reset = new ApiError('ConnectionFailed', 'read ECONNRESET');

test('it is in sync once all pages were listed and told, and then follows', async (t) => {
  const { time, server, informer, news } = rig(t);
  for (const name of ['a', 'b', 'c']) server.put(name, 1);
  assert.equal(informer.hasSynced, false);
  const told = informer.synced.then(() => news());
  await time.advance(0);
  assert.deepEqual(await told, ['added a', 'added b', 'added c']);
  assert.equal(informer.hasSynced, true);
  server.put('a', 2);
  server.remove('b');
  await time.advance(0);
  assert.deepEqual(news(), ['changed a', 'deleted b']);
  assert.equal(informer.get('test/a')?.value, 2);
  assert.deepEqual(
    informer.list().map(({ value }) => value),
    [2, 1],
  );
});

test('a new list tells of what vanished, with its last state, and adds nothing twice', async (t) => {
  const { time, server, informer, changes, news } = rig(t);
  for (const name of ['same', 'vanishes', 'changes', 'made anew']) server.put(name, 1);
  await time.advance(0);
  news();
  // The server is away, and meanwhile forgets what happened.
  server.fault = () => ({ type: 'rejects', error: reset });
  server.endWatches(reset);
  await time.advance(0);
  server.remove('vanishes');
  server.put('changes', 2);
  server.remove('made anew');
  server.put('made anew', 2);
  server.put('new', 1);
  server.compact();
  server.fault = () => undefined;
  await time.advance(10_000);
  const vanished = changes.find(({ object }) => object.metadata.name === 'vanishes');
  assert.equal(vanished?.object.value, 1);
  assert.deepEqual(news(), [
    'deleted vanishes',
    'changed changes',
    'deleted made anew',
    'added made anew',
    'added new',
  ]);
  assert.deepEqual(informer.counts, { lists: 2, interruptions: 2, failedChanges: 0 });
});

test('a handler that throws or rejects is logged and counted, and ends nothing', async (t) => {
  const { time, server, informer, logged, news } = rig(t, ({ object }) => {
    if (object.metadata.name === 'throws') throw new Error('mistake');
    return object.metadata.name === 'rejects' ? Promise.reject(new Error('mistake')) : undefined;
  });
  for (const name of ['throws', 'rejects', 'works']) server.put(name, 1);
  await time.advance(0);
  server.put('works', 2);
  await time.advance(0);
  assert.deepEqual(news(), ['added throws', 'added rejects', 'added works', 'changed works']);
  assert.equal(informer.counts.failedChanges, 2);
  assert.equal(logged.filter((event) => event === 'change-not-handled').length, 2);
  assert.equal(informer.hasSynced, true);
});

test('it says when the server was last heard of', async (t) => {
  const { time, server, informer } = rig(t);
  assert.equal(informer.lastContactAt, undefined);
  await time.advance(1_000);
  assert.equal(informer.lastContactAt, 0);
  await time.advance(59_000);
  server.bookmark();
  await time.advance(1_000);
  assert.equal(informer.lastContactAt, 60_000);
  server.fault = () => ({ type: 'rejects', error: reset });
  server.endWatches(reset);
  await time.advance(600_000);
  assert.equal(informer.lastContactAt, 60_000);
});

test('after the disposal nothing is told any more, also where it comes from a handler', async (t) => {
  const { time, server, informer, news } = rig(t, () => void informer[Symbol.asyncDispose]());
  for (const name of ['a', 'b']) server.put(name, 1);
  await time.advance(0);
  server.put('c', 1);
  await time.advance(600_000);
  assert.deepEqual(news(), ['added a']);
  assert.equal(time.waiting, 0);
  assert.equal(server.watches, 0);
});

const event = fc.oneof(
  { weight: 6, arbitrary: fc.record({ put: fc.constantFrom(...'abcdef'), value: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ remove: fc.constantFrom(...'abcdef') }) },
  { weight: 3, arbitrary: fc.record({ pass: fc.constantFrom(0, 1, 1_500, 40_000, 130_000, 300_000) }) },
  fc.constantFrom('bookmark', 'drop', 'gone', 'compact', 'close', 'go away', 'come back', 'hang', 'refuse lists'),
);

test('after any changes, losses and lists the store is what the server has, and so is the sum of all changes', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
      const { time, server, informer, changes } = rig(t);
      for (const it of events) await happen(it, server, time);
      server.fault = () => undefined;
      await time.advance(600_000);
      const truth = new Map([...server.things].map(([key, { value }]) => [key, value]));
      const stored = new Map(informer.list().map((thing) => [keyOfObject(thing), thing.value]));
      assert.deepEqual(sorted(stored), sorted(truth));
      assert.deepEqual(sorted(summed(changes)), sorted(truth));
      await informer[Symbol.asyncDispose]();
      assert.equal(time.waiting, 0);
      assert.equal(server.watches, 0);
    }),
    { numRuns: 300 },
  );
});

type Event = typeof event extends fc.Arbitrary<infer E> ? E : never;

async function happen(it: Event, server: SimulatedServer, time: ManualTime): Promise<void> {
  if (typeof it === 'object') {
    if ('put' in it) server.put(it.put, it.value);
    else if ('remove' in it) server.remove(it.remove);
    else await time.advance(it.pass);
    return;
  }
  switch (it) {
    case 'bookmark':
      return server.bookmark();
    case 'drop':
      return server.endWatches(reset);
    case 'gone':
      return server.endWatches(gone);
    case 'close':
      return server.endWatches();
    case 'compact':
      return server.compact();
    case 'go away':
      server.fault = () => ({ type: 'rejects', error: reset });
      return server.endWatches(reset);
    case 'hang':
      server.fault = ({ verb }) => (verb === 'watch' ? { type: 'hangs' } : undefined);
      return server.endWatches();
    case 'refuse lists':
      server.fault = ({ verb }) => (verb === 'list' ? { type: 'rejects', error: reset } : undefined);
      return;
    case 'come back':
      server.fault = () => undefined;
      return;
    default:
      throw new Error(`unknown event ${it}`);
  }
}

/** What the changes make of nothing; each must fit what was before. */
function summed(changes: readonly Change<Thing>[]): Map<string, number> {
  const sum = new Map<string, number>();
  for (const { type, key, object } of changes) {
    assert.equal(sum.has(key), type !== 'added', `${type} ${key}`);
    if (type === 'deleted') sum.delete(key);
    else sum.set(key, object.value);
  }
  return sum;
}

function sorted(map: Map<string, number>): [string, number][] {
  return [...map].sort(([a], [b]) => a.localeCompare(b));
}
