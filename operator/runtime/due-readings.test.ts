import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDueReadings, type WantedReading } from './due-readings.ts';

interface Wanted extends WantedReading {
  what: string;
}

function fixture(options: { atOnce?: number; stretch?: () => number } = {}) {
  const time = { now: 1_000_000 };
  const read: string[] = [];
  const values = new Map<string, string>();
  const waiting: (() => void)[] = [];
  const scene = { time, read, values, waiting, held: false };
  const readings = createDueReadings<Wanted, string>({
    read: async ({ key, what }) => {
      read.push(key);
      if (scene.held) await new Promise<void>((resolve) => waiting.push(resolve));
      return values.get(what);
    },
    same: (one, other) => one.what === other.what,
    atOnce: options.atOnce ?? 8,
    stretch: options.stretch ?? (() => 1),
    clock: { now: () => time.now },
  });
  return { ...scene, scene, readings };
}

const want = (key: string, failing = false, what = key): Wanted => ({ key, failing, what });

test('what fails is read every 30 s, all else every 5 min, and what was marked at once', async () => {
  const { time, read, values, readings } = fixture();
  values.set('a', '1').set('b', '2');
  assert.equal(await readings.bring([want('a'), want('b', true)]), 1_030_000);
  time.now = 1_030_000;
  assert.equal(await readings.bring([want('a'), want('b', true)]), 1_060_000);
  readings.mark('a');
  await readings.bring([want('a'), want('b', true)]);
  assert.deepEqual(read, ['a', 'b', 'b', 'a']);
});

test('a reading that gives nothing leaves the value before, and is made again in 30 s', async () => {
  const { time, values, readings } = fixture();
  values.set('a', '1');
  await readings.bring([want('a')]);
  values.clear();
  time.now = 1_300_000;
  assert.equal(await readings.bring([want('a')]), 1_330_000);
  assert.equal(readings.get('a'), '1');
});

test('another reference is read at once; what is not wanted any more is forgotten', async () => {
  const { values, readings } = fixture();
  values.set('x', '1').set('y', '2');
  await readings.bring([want('a', false, 'x')]);
  await readings.bring([want('a', false, 'y')]);
  assert.equal(readings.get('a'), '2');
  assert.equal(await readings.bring([]), undefined);
  assert.equal(readings.get('a'), undefined);
  assert.deepEqual(readings.wanted(), []);
});

test('a mark that is set during a reading asks for another one', async () => {
  const { scene, read, waiting, readings } = fixture();
  scene.held = true;
  const first = readings.bring([want('a')]);
  readings.mark('a');
  waiting.shift()?.();
  assert.equal(await first, 1_000_000, 'due at once');
  const second = readings.bring([want('a')]);
  waiting.shift()?.();
  await second;
  assert.deepEqual(read, ['a', 'a']);
});

test('only so many are read at once', async () => {
  const { scene, waiting, read, readings } = fixture({ atOnce: 3 });
  scene.held = true;
  const done = readings.bring(Array.from({ length: 10 }, (_, index) => want(`${index}`)));
  let most = 0;
  while (read.length < 10 || waiting.length > 0) {
    most = Math.max(most, waiting.length);
    waiting.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await done;
  assert.equal(most, 3);
});

test('what was read together is not read together for ever', async () => {
  const stretches = [0.9, 1.1];
  const { values, readings } = fixture({ stretch: () => stretches.shift() ?? 1 });
  values.set('a', '1').set('b', '2');
  assert.equal(await readings.bring([want('a'), want('b')]), 1_270_000);
});
