import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { type EventObject, noteOf, type Occurrence } from './event-object.ts';
import { createEventRecorder, type EventRecorder } from './events.ts';
import { microTime } from './micro-time.ts';
import type { Timers } from './timers.ts';
import type { KubeObject } from './types.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1, 12, 0, 0, 7);

const thing = (name: string): KubeObject => ({
  apiVersion: 'example.org/v1',
  kind: 'Thing',
  metadata: { namespace: 'mail', name, uid: `uid-of-${name}`, labels: { a: 'b' } },
});
const happened = (more: Partial<Occurrence> = {}): Occurrence => ({
  regarding: thing('a'),
  type: 'Warning',
  reason: 'Broken',
  action: 'Mend',
  note: 'It broke.',
  ...more,
});

type Write = { what: 'create'; event: EventObject } | { what: 'patch'; name: string; patch: object };

interface Scene {
  recorder: EventRecorder;
  /** What reached the server, in order. */
  writes: Write[];
  logged: unknown[];
  /** Lets time pass; timers are due at once wherever something waits for them. */
  pass(ms: number): void;
  /** Lets everything be written that can be. */
  settle(): Promise<void>;
}

/** The client is scripted, because a real server cannot be made to refuse, hang or lose an Event when a test wants it. */
function scene(
  answer: (write: Write, signal: AbortSignal | undefined) => Promise<void> = async () => undefined,
): Scene {
  let elapsed = 0;
  const writes: Write[] = [];
  const logged: unknown[] = [];
  const client = {
    create: async (_type: unknown, event: EventObject, options: { signal?: AbortSignal }) => {
      const write: Write = { what: 'create', event };
      await answer(write, options.signal);
      writes.push(write);
      return event;
    },
    patch: async (_type: unknown, { name }: { name: string }, patch: object, options: { signal?: AbortSignal }) => {
      const write: Write = { what: 'patch', name, patch };
      await answer(write, options.signal);
      writes.push(write);
      return thing(name);
    },
  } as unknown as Pick<KubeClient, 'create' | 'patch'>;
  const timers: Timers = {
    after: (_ms, run) => {
      const timer = setImmediate(run);
      return { [Symbol.dispose]: () => clearImmediate(timer) };
    },
  };
  const recorder = createEventRecorder({
    client,
    manager: 'tests',
    reporter: { controller: 'example.org/operator', instance: 'pod-1' },
    clock: { now: () => START + elapsed, monotonic: () => elapsed },
    random: () => 0.5,
    log: { info: () => undefined, warn: (event, fields) => logged.push({ event, ...fields }), error: () => undefined },
    timers,
  });
  const settle = async (): Promise<void> => {
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    recorder,
    writes,
    logged,
    pass: (ms) => {
      elapsed += ms;
    },
    settle,
  };
}

test('an Event says what happened to what, and who reports it', async () => {
  const { recorder, writes, settle } = scene();
  recorder.record(happened());
  await settle();
  assert.deepEqual(writes, [
    {
      what: 'create',
      event: {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: `a.${START.toString(16)}80000000`, namespace: 'mail' },
        eventTime: '2026-01-01T12:00:00.007000Z',
        reportingController: 'example.org/operator',
        reportingInstance: 'pod-1',
        type: 'Warning',
        reason: 'Broken',
        action: 'Mend',
        note: 'It broke.',
        regarding: { apiVersion: 'example.org/v1', kind: 'Thing', namespace: 'mail', name: 'a', uid: 'uid-of-a' },
      },
    },
  ]);
});

test('an Event about an object without a namespace is in default', async () => {
  const { recorder, writes, settle } = scene();
  recorder.record(happened({ regarding: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } } }));
  await settle();
  const [write] = writes;
  assert.ok(write?.what === 'create');
  assert.equal(write.event.metadata.namespace, 'default');
  assert.deepEqual(write.event.regarding, { apiVersion: 'v1', kind: 'Node', name: 'n' });
});

test('repeats are one Event with a count, written at the first of them and then once a minute', async () => {
  const { recorder, writes, pass, settle } = scene();
  for (let seconds = 0; seconds < 180; seconds += 10) {
    recorder.record(happened());
    await settle();
    pass(10_000);
  }
  assert.deepEqual(
    writes.map((write) => (write.what === 'patch' ? write.patch : write.what)),
    [
      'create',
      { series: { count: 2, lastObservedTime: microTime(START + 10_000) } },
      { series: { count: 8, lastObservedTime: microTime(START + 70_000) } },
      { series: { count: 14, lastObservedTime: microTime(START + 130_000) } },
    ],
  );
});

test('what is another event: another object, type, reason or note, or six quiet minutes', async () => {
  const { recorder, writes, pass, settle } = scene();
  recorder.record(happened());
  recorder.record(happened({ regarding: thing('b') }));
  recorder.record(happened({ type: 'Normal' }));
  recorder.record(happened({ reason: 'Bent' }));
  recorder.record(happened({ note: 'It broke again.' }));
  recorder.record(happened({ action: 'Look' }));
  pass(6 * MINUTE);
  recorder.record(happened());
  await settle();
  // The other action alone is a repeat.
  assert.deepEqual(
    writes.map((write) => write.what),
    ['create', 'create', 'create', 'create', 'create', 'patch', 'create'],
  );
});

test('the last count of a series that ended is written with the next event of any kind', async () => {
  const { recorder, writes, pass, settle } = scene();
  for (let times = 0; times < 5; times++) {
    recorder.record(happened());
    await settle();
  }
  assert.equal(writes.length, 2);
  pass(6 * MINUTE);
  recorder.record(happened({ regarding: thing('b') }));
  await settle();
  assert.deepEqual(writes.at(2)?.what === 'patch' && writes.at(2), {
    what: 'patch',
    name: `a.${START.toString(16)}80000000`,
    patch: { series: { count: 5, lastObservedTime: microTime(START) } },
  });
});

test('one object may have 25 at once and one more in five minutes, and costs no other its own', async () => {
  const { recorder, writes, pass, settle } = scene();
  for (let number = 0; number < 40; number++) recorder.record(happened({ note: `number ${number}` }));
  recorder.record(happened({ regarding: thing('b') }));
  await settle();
  assert.equal(writes.length, 26);
  assert.equal(recorder.lost, 15);
  pass(5 * MINUTE);
  recorder.record(happened({ note: 'and one' }));
  recorder.record(happened({ note: 'and two' }));
  await settle();
  assert.equal(writes.length, 27);
  assert.equal(recorder.lost, 16);
});

test('of more than a thousand that wait, the oldest are lost and counted', async () => {
  const server = Promise.withResolvers<void>();
  const { recorder, writes, settle } = scene(() => server.promise);
  for (let number = 0; number < 1_101; number++) recorder.record(happened({ regarding: thing(`t${number}`) }));
  assert.equal(recorder.lost, 100);
  server.resolve();
  for (let rounds = 0; rounds < 100; rounds++) await settle();
  const names = writes.map((write) => write.what === 'create' && write.event.regarding.name);
  // The first was on its way already.
  assert.deepEqual([names[0], names[1], names.length], ['t0', 't101', 1_001]);
});

test('a server that is away is tried three times, one that refuses once', async (t) => {
  for (const [code, tries] of [
    ['ConnectionFailed', 3],
    ['Unavailable', 3],
    ['Forbidden', 1],
    ['Invalid', 1],
  ] as const) {
    await t.test(code, async () => {
      let asked = 0;
      const { recorder, logged, settle } = scene(async () => {
        asked += 1;
        throw new ApiError(code, 'No.');
      });
      recorder.record(happened());
      await settle();
      assert.equal(asked, tries);
      assert.equal(recorder.lost, 1);
      assert.deepEqual(logged, [
        { event: 'event_not_written', regarding: 'Thing mail/a', reason: 'Broken', message: 'No.' },
      ]);
    });
  }
});

test('an Event that is gone when it repeats is made anew, with its count', async () => {
  const { recorder, writes, settle } = scene(async ({ what }) => {
    if (what === 'patch') throw new ApiError('NotFound', 'Gone.');
  });
  recorder.record(happened());
  await settle();
  recorder.record(happened());
  await settle();
  const [, again] = writes;
  assert.ok(again?.what === 'create');
  assert.deepEqual(again.event.series, { count: 2, lastObservedTime: microTime(START) });
});

test('the disposal writes what is left, and takes no more', async () => {
  const { recorder, writes, settle } = scene();
  for (let times = 0; times < 5; times++) {
    recorder.record(happened());
    await settle();
  }
  await recorder[Symbol.asyncDispose]();
  assert.deepEqual(writes.at(-1)?.what === 'patch' && writes.at(-1), {
    what: 'patch',
    name: `a.${START.toString(16)}80000000`,
    patch: { series: { count: 5, lastObservedTime: microTime(START) } },
  });
  recorder.record(happened({ note: 'too late' }));
  await settle();
  assert.equal(writes.length, 3);
  assert.equal(recorder.lost, 1);
});

test('the disposal does not wait for a server that hangs', async () => {
  const { recorder, writes } = scene(
    (_write, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new ApiError('Aborted', 'Stopped.')));
      }),
  );
  for (const name of ['a', 'b', 'c']) recorder.record(happened({ regarding: thing(name) }));
  await recorder[Symbol.asyncDispose]();
  assert.deepEqual(writes, []);
  assert.equal(recorder.lost, 3);
});

test('a note has at most 1,024 bytes, and no half character', () => {
  assert.equal(noteOf('ä'.repeat(512)), 'ä'.repeat(512));
  assert.equal(noteOf('ä'.repeat(513)), `${'ä'.repeat(510)}…`);
  assert.equal(Buffer.byteLength(noteOf('😀'.repeat(300))), 255 * 4 + 3);
});
