import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ApiError } from './api-error.ts';
import { manualTime } from './testing/manual-time.ts';
import { type Fault, simulatedServer, THINGS, type Thing } from './testing/simulated-server.ts';
import { faultsInTurn, watchRig } from './testing/watch-rig.ts';
import { watchObjects } from './watch.ts';

// The faults come from a simulated server: a real one cannot be told when to fail, and ten minutes would be ten minutes.

const MINUTE = 60_000;

const gone = new ApiError('Gone', 'too old resource version', { status: 410 });
const reset = new ApiError('ConnectionFailed', 'read ECONNRESET');

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
    const { time, server, words } = watchRig(t);
    server.fault = faultsInTurn('watch', fault);
    await time.advance(1);
    assert.deepEqual(words(), ['listed', expected], name);
    server.put('later', 1);
    await time.advance(300_000);
    assert.match(words()[2] ?? '', /^(applied|listed) later$/, name);
  }
});

test('a failing list is tried again at the same page; where its token is too old, from the beginning', async (t) => {
  const { time, server, words } = watchRig(t, { pageSize: 1 });
  for (const name of ['a', 'b', 'c']) server.put(name, 1);
  server.fault = faultsInTurn('list', undefined, { type: 'rejects', error: reset });
  await time.advance(0);
  await time.advance(1_000);
  assert.deepEqual(words(), ['interrupted ConnectionFailed, list in 1000', 'listed a b c']);

  const other = watchRig(t, { pageSize: 1 });
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

test('a server that refuses one version for ever is listed anew', async (t) => {
  const { time, server, words } = watchRig(t);
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
  const { time, server, words } = watchRig(t, {
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
