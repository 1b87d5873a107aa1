import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerStatus, Pod, Terminated } from './pod.ts';
import { podCrash } from './pod-crash.ts';
import { pod, SCENE_NOW } from './testing/worker-scene.ts';

const MINUTE = 60_000;
const at = (minutes: number): string => new Date(SCENE_NOW + minutes * MINUTE).toISOString();

const END: Terminated = { exitCode: 1, reason: 'Error', finishedAt: at(-1) };
const waiting = (reason: string, message?: string): NonNullable<ContainerStatus['state']> => ({
  waiting: { reason, ...(message !== undefined && { message }) },
});
const running = (minutesAgo: number): NonNullable<ContainerStatus['state']> => ({
  running: { startedAt: at(-minutesAgo) },
});

function podWith(container: Partial<ContainerStatus>, ready = false): Pod {
  return pod('edge-1', {
    address: '10.0.0.1',
    ready,
    status: {
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: at(-20) }],
      containerStatuses: [{ restartCount: 0, ...container }],
    },
  });
}

const cases: { name: string; container: Partial<ContainerStatus>; ready?: boolean; words: string | undefined }[] = [
  { name: 'it runs', container: { state: running(5) }, ready: true, words: undefined },
  { name: 'its image is pulled', container: { state: waiting('ContainerCreating') }, words: undefined },
  {
    name: 'it waits for its next start, and has left words',
    container: {
      restartCount: 4,
      state: waiting('CrashLoopBackOff'),
      lastState: { terminated: { ...END, message: ' no archive\n' } },
    },
    words: 'no archive',
  },
  {
    name: 'it left none',
    container: { restartCount: 4, state: waiting('CrashLoopBackOff'), lastState: { terminated: END } },
    words: 'it ended with code 1 (Error)',
  },
  {
    name: 'nothing is known of its end',
    container: { restartCount: 4, state: waiting('CrashLoopBackOff') },
    words: 'the kubelet gave no reason',
  },
  {
    name: 'there is no such image',
    container: { state: waiting('ImagePullBackOff', 'not found') },
    words: 'ImagePullBackOff: not found',
  },
  {
    name: 'it runs between two ends',
    container: { restartCount: 2, state: running(0.1), lastState: { terminated: END } },
    words: 'it ended with code 1 (Error)',
  },
  {
    name: 'it ended once, as an upgrade does',
    container: { restartCount: 1, state: running(0.1), lastState: { terminated: END } },
    words: undefined,
  },
  {
    name: 'it was started again long ago, and something else keeps it from being ready',
    container: { restartCount: 7, state: running(11), lastState: { terminated: END } },
    words: undefined,
  },
];

for (const { name, container, ready, words } of cases) {
  test(`what a person is told of a pod where ${name}`, () => {
    assert.equal(podCrash([podWith(container, ready)], SCENE_NOW)?.message, words);
  });
}

test('a group is broken where all its pods are that stay', () => {
  const broken = podWith({ restartCount: 4, state: waiting('CrashLoopBackOff') });
  const fine = podWith({ state: running(5) }, true);
  const ending = { ...fine, metadata: { ...fine.metadata, deletionTimestamp: at(0) } };
  assert.equal(podCrash([], SCENE_NOW), undefined);
  assert.equal(podCrash([broken, fine], SCENE_NOW), undefined);
  assert.notEqual(podCrash([broken, ending], SCENE_NOW), undefined);
});

test('the time since when it is so does not move with every end', () => {
  const after = (minutes: number) =>
    podCrash(
      [
        podWith({
          restartCount: 4,
          state: waiting('CrashLoopBackOff'),
          lastState: { terminated: { ...END, finishedAt: at(minutes) } },
        }),
      ],
      SCENE_NOW,
    )?.since;
  assert.equal(after(-1), SCENE_NOW - 20 * MINUTE);
  assert.equal(after(0), SCENE_NOW - 20 * MINUTE);
});
