import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConfigurationBursts } from './configuration-bursts.ts';

/** Changes at these times in ms; returns when each was written, as `configuration at`. */
function writes(changes: readonly [at: number, digest: string][], until = 10_000): string[] {
  const bursts = createConfigurationBursts();
  const written: string[] = [];
  let digest: string | undefined;
  for (let now = 0; now <= until; now += 10) {
    digest = changes.find(([at]) => at === now)?.[1] ?? digest;
    if (digest === undefined || bursts.waitFor(digest, now) > 0) continue;
    if (bursts.wrote(digest, now)) written.push(`${digest} ${now}`);
  }
  return written;
}

const cases: { name: string; changes: [number, string][]; written: string[] }[] = [
  { name: 'the first change is written at once', changes: [[0, 'a']], written: ['a 0'] },
  {
    name: 'so is one after a longer pause',
    changes: [
      [0, 'a'],
      [2_010, 'b'],
    ],
    written: ['a 0', 'b 2010'],
  },
  {
    name: 'one soon after it waits for quiet',
    changes: [
      [0, 'a'],
      [100, 'b'],
    ],
    written: ['a 0', 'b 350'],
  },
  {
    name: 'changes one after the other are written together',
    changes: [
      [0, 'a'],
      [100, 'b'],
      [300, 'c'],
      [500, 'd'],
    ],
    written: ['a 0', 'd 750'],
  },
  {
    name: 'a burst waits no longer than two seconds',
    changes: [
      [0, 'a'],
      ...Array.from({ length: 30 }, (_, index): [number, string] => [100 + index * 100, `b${index}`]),
    ],
    written: ['a 0', 'b19 2010', 'b29 3250'],
  },
  {
    name: 'a change that is taken back writes nothing',
    changes: [
      [0, 'a'],
      [100, 'b'],
      [200, 'a'],
    ],
    written: ['a 0'],
  },
];

for (const { name, changes, written } of cases) {
  test(name, () => assert.deepEqual(writes(changes), written));
}

test('it says how long to wait', () => {
  const bursts = createConfigurationBursts();
  assert.equal(bursts.waitFor('a', 0), 0);
  bursts.wrote('a', 0);
  assert.equal(bursts.waitFor('b', 100), 250);
  assert.equal(bursts.waitFor('b', 200), 150);
  assert.equal(bursts.waitFor('c', 300), 250);
});
