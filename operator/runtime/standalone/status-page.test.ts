import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStatusPage, type StandaloneView } from './status-page.ts';

const view = (message: string): StandaloneView => ({
  gateways: [],
  archives: [],
  connections: [],
  problems: [{ file: 'a.yaml', line: 1, column: 1, message }],
  workers: [],
});

test('a view that differs raises the change and wakes who waits; the same view does neither', async () => {
  const page = createStatusPage('t0');
  const never = new AbortController().signal;
  const waiting = page.changed(0, 60_000, never);
  page.show(view('first'), 't1');
  await waiting;
  assert.deepEqual([page.status.change, page.status.at, page.status.problems[0]?.message], [1, 't1', 'first']);
  page.show(view('first'), 't2');
  assert.deepEqual([page.status.change, page.status.at], [1, 't1']);
});

test('a wait ends at its time, with its caller, and at once where something came before', async () => {
  const page = createStatusPage('t0');
  await page.changed(0, 1, new AbortController().signal);
  const gone = new AbortController();
  const waiting = page.changed(0, 60_000, gone.signal);
  gone.abort();
  await waiting;
  page.show(view('first'), 't1');
  await page.changed(0, 60_000, new AbortController().signal);
  await page.changed(7, 60_000, new AbortController().signal);
});

test('what was shown stays as it was shown', () => {
  const page = createStatusPage('t0');
  const shown = view('first');
  page.show(shown, 't1');
  Object.assign(shown.problems[0] ?? {}, { message: 'changed behind our back' });
  assert.equal(page.status.problems[0]?.message, 'first');
});
