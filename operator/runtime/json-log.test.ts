import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonLog, LEVELS, type Level } from './json-log.ts';

const clock = { now: () => Date.UTC(2026, 0, 1), monotonic: () => 0 };

function linesOf(least: Level): unknown[] {
  const lines: string[] = [];
  const log = jsonLog((line) => lines.push(line), clock, 'operator', least);
  log.info('one', { gateway: 'a/b' });
  log.warn('two');
  log.error('three', { text: 'a\nb' });
  for (const line of lines) assert.ok(line.indexOf('\n') === line.length - 1, 'one line for each event');
  return lines.map((line) => JSON.parse(line) as unknown);
}

test('each event is one line of JSON with its time, level and fields', () => {
  const common = { time: '2026-01-01T00:00:00.000Z', role: 'operator' };
  assert.deepEqual(linesOf('info'), [
    { ...common, level: 'info', event: 'one', gateway: 'a/b' },
    { ...common, level: 'warn', event: 'two' },
    { ...common, level: 'error', event: 'three', text: 'a\nb' },
  ]);
});

test('events below the least level are left out', () => {
  assert.deepEqual(
    LEVELS.map((least) => linesOf(least).length),
    [3, 2, 1],
  );
});
