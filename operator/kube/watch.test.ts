import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from './api-error.ts';
import { type ManualTime, manualTime } from './testing/manual-time.ts';
import { type Fault, type SimulatedServer, simulatedServer, THINGS, type Thing } from './testing/simulated-server.ts';
import { type WatchObjectsOptions, type WatchStep, watchObjects } from './watch.ts';

// The faults come from a simulated server: a real one cannot be told when to fail, and ten minutes would be ten minutes.

const MINUTE = 60_000;

interface Rig {
  time: ManualTime;
  server: SimulatedServer;
  steps: WatchStep<Thing>[];
  /** What each step was, in a word and the names in it. */
  words(): string[];
  stop(): Promise<void>;
}

function rig(t: TestContext, options: Partial<WatchObjectsOptions<Thing>> = {}): Rig {
  const time = manualTime();
  const server = simulatedServer(time);
  const steps: WatchStep<Thing>[] = [];
  const stop = new AbortController();
  const following = (async () => {
    const { clock, timers } = time;
    const { client } = server;
    const common = { client, type: THINGS, clock, timers, random: () => 0, signal: stop.signal };
    for await (const step of watchObjects<Thing>({ ...common, ...options })) steps.push(step);
  })();
  const end = async (): Promise<void> => {
    stop.abort();
    await following;
  };
  t.after(end);
  return { time, server, steps, words: () => steps.map(wordsOf), stop: end };
}

function wordsOf(step: WatchStep<Thing>): string {
  switch (step.type) {
    case 'listed':
      return `listed ${step.objects.map(({ metadata }) => metadata.name).join(' ')}`.trim();
    case 'applied':
    case 'deleted':
      return `${step.type} ${step.object.metadata.name}`;
    case 'bookmark':
      return 'bookmark';
    case 'interrupted':
      return `interrupted ${step.error.code}, ${step.next} in ${step.retryInMs}`;
  }
}

/** The fault for the first requests of this kind, one each. */
function faultsInTurn(verb: 'list' | 'watch', ...faults: (Fault | undefined)[]): SimulatedServer['fault'] {
  return (request) => (request.verb === verb ? faults.shift() : undefined);
}

const gone = new ApiError('Gone', 'too old resource version', { status: 410 });
const reset = new ApiError('ConnectionFailed', 'read ECONNRESET');

test('a list in pages comes as one, and then what changes', async (t) => {
  const { time, server, words } = rig(t, { pageSize: 2 });
  for (const name of ['a', 'b', 'c', 'd', 'e']) server.put(name, 1);
  await time.advance(0);
  server.put('f', 1);
  server.put('a', 2);
  server.remove('b');
  server.bookmark();
  await time.advance(0);
  assert.deepEqual(words(), ['listed a b c d e', 'applied f', 'applied a', 'deleted b', 'bookmark']);
  assert.deepEqual(
    server.requests.map(({ verb, continue: token }) => (token === undefined ? verb : `${verb} on`)),
    ['list', 'list on', 'list on', 'watch'],
  );
});

test('who set which field is dropped, or what the caller wants to', async (t) => {
  const metadata = { namespace: 'test', name: 'a', uid: 'uid-2', resourceVersion: '2' };
  for (const [options, value] of [
    [{}, 7],
    [{ transform: ({ apiVersion, kind }: Thing): Thing => ({ apiVersion, kind, metadata, value: 0 }) }, 0],
  ] as const) {
    const { time, server, steps } = rig(t, options);
    server.put('a', 7);
    await time.advance(0);
    const [listed] = steps;
    assert.ok(listed?.type === 'listed');
    assert.deepEqual(listed.objects, [{ apiVersion: 'test.example/v1', kind: 'Thing', metadata, value }]);
  }
});

test('after a loss it goes on at the last version, also one of a bookmark', async (t) => {
  const { time, server, words } = rig(t);
  server.put('a', 1);
  await time.advance(0);
  server.put('b', 1);
  server.bookmark();
  await time.advance(0);
  server.endWatches(reset);
  await time.advance(0);
  server.remove('a');
  await time.advance(1_000);
  assert.deepEqual(words(), [
    'listed a',
    'applied b',
    'bookmark',
    'interrupted ConnectionFailed, watch in 1000',
    'deleted a',
  ]);
  assert.equal(server.requests.at(-1)?.resourceVersion, '3');
});

test('what an error means for the way back', async (t) => {
  const line = (code: number, reason: string, retryAfterSeconds?: number): Fault => ({
    type: 'sends',
    line: { type: 'ERROR', object: { code, reason, ...(retryAfterSeconds && { details: { retryAfterSeconds } }) } },
  });
  const rejects = (error: ApiError): Fault => ({ type: 'rejects', error });
  const busy = new ApiError('TooManyRequests', 'busy', { status: 429, retryAfterMs: 7_000 });
  const forEver = new ApiError('Unavailable', 'busy', { status: 503, retryAfterMs: 3_600_000 });
  for (const [name, fault, expected] of [
    ['410 as the answer', rejects(gone), 'interrupted Gone, list in 1000'],
    ['410 in the stream', line(410, 'Expired'), 'interrupted Gone, list in 1000'],
    ['500 in the stream', line(500, 'InternalError'), 'interrupted Unavailable, watch in 1000'],
    ['an error that wants time', line(504, 'Timeout', 9), 'interrupted Timeout, watch in 9000'],
    ['403', rejects(new ApiError('Forbidden', 'no', { status: 403 })), 'interrupted Forbidden, watch in 1000'],
    ['429 with Retry-After', rejects(busy), 'interrupted TooManyRequests, watch in 7000'],
    ['503 for an hour, which is too long', rejects(forEver), 'interrupted Unavailable, watch in 300000'],
    ['truncated JSON', rejects(new ApiError('Unreadable', 'no JSON')), 'interrupted Unreadable, watch in 1000'],
    ['a close after 1 ms', { type: 'closes', afterMs: 1 }, 'interrupted Unreadable, watch in 1000'],
    [
      'a change without a version',
      { type: 'sends', line: { type: 'ADDED', object: { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'a' } } } },
      'interrupted Unreadable, list in 1000',
    ],
  ] as [string, Fault, string][]) {
    const { time, server, words } = rig(t);
    server.fault = faultsInTurn('watch', fault);
    await time.advance(1);
    assert.deepEqual(words(), ['listed', expected], name);
    server.put('later', 1);
    await time.advance(300_000);
    assert.match(words()[2] ?? '', /^(applied|listed) later$/, name);
  }
});

test('a failing list is tried again at the same page; where its token is too old, from the beginning', async (t) => {
  const { time, server, words } = rig(t, { pageSize: 1 });
  for (const name of ['a', 'b', 'c']) server.put(name, 1);
  server.fault = faultsInTurn('list', undefined, { type: 'rejects', error: reset });
  await time.advance(0);
  await time.advance(1_000);
  assert.deepEqual(words(), ['interrupted ConnectionFailed, list in 1000', 'listed a b c']);

  const other = rig(t, { pageSize: 1 });
  for (const name of ['a', 'b']) other.server.put(name, 1);
  other.server.fault = ({ continue: token }) => {
    if (token !== undefined && other.steps.length === 0) other.server.compact();
    return undefined;
  };
  await other.time.advance(0);
  other.server.fault = () => undefined;
  other.server.remove('a');
  await other.time.advance(1_000);
  assert.deepEqual(other.words(), ['interrupted Gone, list in 1000', 'listed b']);
});

test('a healthy watch is renewed when the server ends it after 290 s, and no sooner than every 4 minutes', async (t) => {
  const { time, server, words } = rig(t);
  await time.advance(60 * MINUTE);
  const watches = server.requests.filter(({ verb }) => verb === 'watch').length;
  assert.deepEqual(words(), ['listed']);
  assert.ok(watches >= 12 && watches <= 15, `${watches} watches in an hour`);
  assert.equal(server.watches, 1);
});

test('a watch that is dead on our side only is given up after 295 s of silence', async (t) => {
  const { time, server, words } = rig(t);
  server.fault = faultsInTurn('watch', { type: 'hangs' });
  await time.advance(294_999);
  assert.deepEqual(words(), ['listed']);
  await time.advance(1);
  assert.deepEqual(words(), ['listed', 'interrupted Timeout, watch in 1000']);
  assert.equal(server.watches, 0);
});

test('a server that refuses one version for ever is listed anew', async (t) => {
  const { time, server, words } = rig(t);
  const tooLarge = new ApiError('Timeout', 'Too large resource version', { status: 504, retryAfterMs: 1_000 });
  server.put('a', 1);
  server.fault = ({ verb, resourceVersion }) =>
    verb === 'watch' && resourceVersion === '2' ? { type: 'rejects', error: tooLarge } : undefined;
  await time.advance(0);
  server.put('a', 2);
  await time.advance(60_000);
  assert.deepEqual(words(), [
    'listed a',
    'interrupted Timeout, watch in 1000',
    'interrupted Timeout, watch in 2000',
    'interrupted Timeout, watch in 4000',
    'interrupted Timeout, watch in 8000',
    'interrupted Timeout, list in 16000',
    'listed a',
  ]);
});

test('a transform that throws is an interruption, and not the end', async (t) => {
  let fails = true;
  const { time, server, words } = rig(t, {
    transform: (thing) => {
      if (fails && thing.value === 2) throw new Error('cannot be made smaller');
      return thing;
    },
  });
  await time.advance(0);
  server.put('a', 2);
  await time.advance(0);
  fails = false;
  await time.advance(1_000);
  assert.deepEqual(words(), ['listed', 'interrupted Unexpected, watch in 1000', 'applied a']);
});

test('an abort ends it wherever it is, and leaves no timer and no watch', async (t) => {
  const states: [string, Fault | undefined, number][] = [
    ['while it lists', undefined, -1],
    ['while it watches', undefined, 0],
    ['while it waits', { type: 'rejects', error: reset }, 0],
    ['while the server is silent', { type: 'hangs' }, 100_000],
  ];
  for (const [name, fault, ms] of states) {
    const { time, server, stop } = rig(t);
    server.fault = faultsInTurn('watch', fault);
    if (ms >= 0) await time.advance(ms);
    const stopped = stop();
    await time.settle();
    await stopped;
    assert.equal(time.waiting, 0, name);
    assert.equal(server.watches, 0, name);
  }
});

test('however the server flaps, there are never more than 40 tries in 10 minutes, and each wait is 1 to 30 s', async () => {
  const fault = fc.oneof(
    fc.record({ type: fc.constant('closes' as const), afterMs: fc.constantFrom(1, 5_000, 119_999, 120_000, 121_000) }),
    fc.record({
      type: fc.constant('rejects' as const),
      error: fc.constantFrom(reset, new ApiError('Unavailable', 'no', { status: 500 })),
      afterMs: fc.constantFrom(1, 119_999, 120_001),
    }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fault, { minLength: 1, maxLength: 12 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (faults, chance) => {
        const time = manualTime();
        const server = simulatedServer(time);
        let n = 0;
        server.fault = ({ verb }) => (verb === 'watch' ? faults[n++ % faults.length] : undefined);
        const stop = new AbortController();
        const waits: number[] = [];
        const following = (async () => {
          const { clock, timers } = time;
          const { client } = server;
          const options = { client, type: THINGS, clock, timers, random: () => chance, signal: stop.signal };
          for await (const step of watchObjects<Thing>(options)) {
            if (step.type === 'interrupted') waits.push(step.retryInMs);
          }
        })();
        await time.advance(25 * MINUTE);
        stop.abort();
        await time.settle();
        await following;
        const times = server.requests.filter(({ verb }) => verb === 'watch').map(({ at }) => at);
        for (const from of times) {
          const within = times.filter((at) => at >= from && at < from + 10 * MINUTE).length;
          assert.ok(within <= 40, `${within} tries within 10 minutes`);
        }
        for (const wait of waits) assert.ok(wait >= 750 && wait <= 30_000);
      },
    ),
    { numRuns: 60 },
  );
});
