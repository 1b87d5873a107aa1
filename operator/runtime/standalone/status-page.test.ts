import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MailArchive } from '../../api/mail-archive.ts';
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

test('an object is another one by its spec, its status or its metadata', () => {
  const page = createStatusPage('t0');
  // Only what is compared; the rest of an archive says nothing here.
  const archive = {
    apiVersion: 'mailhold.dev/v1alpha1',
    kind: 'MailArchive',
    metadata: { namespace: 'mailhold', name: 'main', uid: 'u', generation: 1, creationTimestamp: '' },
    spec: { volume: {}, reserve: '1Gi' },
    status: {},
  } as const satisfies MailArchive;
  const changes = (next: MailArchive): number => {
    page.show({ ...view(''), archives: [next] }, 't');
    return page.status.change;
  };
  assert.deepEqual(
    [
      changes(archive),
      changes({ ...archive, metadata: { ...archive.metadata } }),
      changes({ ...archive, metadata: { ...archive.metadata, generation: 2 } }),
      changes({ ...archive, status: { free: '1Gi' } }),
      changes({ ...archive, spec: { ...archive.spec } }),
    ],
    [1, 1, 2, 3, 4],
  );
});
