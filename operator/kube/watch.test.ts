import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from './api-error.ts';
import type { Fault, Thing } from './testing/simulated-server.ts';
import { faultsInTurn, watchRig } from './testing/watch-rig.ts';

// The faults come from a simulated server: a real one cannot be told when to fail, and ten minutes would be ten minutes.

const MINUTE = 60_000;

const reset = new ApiError('ConnectionFailed', 'read ECONNRESET');

test('a list in pages comes as one, and then what changes', async (t) => {
  const { time, server, words } = watchRig(t, { pageSize: 2 });
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
    const { time, server, steps } = watchRig(t, options);
    server.put('a', 7);
    await time.advance(0);
    const [listed] = steps;
    assert.ok(listed?.type === 'listed');
    assert.deepEqual(listed.objects, [{ apiVersion: 'test.example/v1', kind: 'Thing', metadata, value }]);
  }
});

test('after a loss it goes on at the last version, also one of a bookmark', async (t) => {
  const { time, server, words } = watchRig(t);
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

test('a healthy watch is renewed when the server ends it after 290 s, and no sooner than every 4 minutes', async (t) => {
  const { time, server, words } = watchRig(t);
  await time.advance(60 * MINUTE);
  const watches = server.requests.filter(({ verb }) => verb === 'watch').length;
  assert.deepEqual(words(), ['listed']);
  assert.ok(watches >= 12 && watches <= 15, `${watches} watches in an hour`);
  assert.equal(server.watches, 1);
});

test('a watch that is dead on our side only is given up after 295 s of silence', async (t) => {
  const { time, server, words } = watchRig(t);
  server.fault = faultsInTurn('watch', { type: 'hangs' });
  await time.advance(294_999);
  assert.deepEqual(words(), ['listed']);
  await time.advance(1);
  assert.deepEqual(words(), ['listed', 'interrupted Timeout, watch in 1000']);
  assert.equal(server.watches, 0);
});

test('an abort ends it wherever it is, and leaves no timer and no watch', async (t) => {
  const states: [string, Fault | undefined, number][] = [
    ['while it lists', undefined, -1],
    ['while it watches', undefined, 0],
    ['while it waits', { type: 'rejects', error: reset }, 0],
    ['while the server is silent', { type: 'hangs' }, 100_000],
  ];
  for (const [name, fault, ms] of states) {
    const { time, server, stop } = watchRig(t);
    server.fault = faultsInTurn('watch', fault);
    if (ms >= 0) await time.advance(ms);
    const stopped = stop();
    await time.settle();
    await stopped;
    assert.equal(time.waiting, 0, name);
    assert.equal(server.watches, 0, name);
  }
});
