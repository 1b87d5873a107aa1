import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GroupFacts } from '../../../workers/process/contract.ts';
import type { Clock } from '../clock.ts';
import type { ShownWorker } from './fleet.ts';
import { health, readiness } from './health.ts';
import { reportsOf } from './reports.ts';
import type { StandaloneView } from './status-page.ts';

const AT = '2026-01-01T00:00:00.000Z';
const CRASH: ShownWorker = {
  gateway: 'mailhold/default',
  role: 'poller',
  state: 'crash-looping',
  restarts: 3,
  failingSince: AT,
  lastExit: { at: AT, code: 1, signal: null, text: 'Error: no' },
};
const RUNNING: ShownWorker = { gateway: 'mailhold/default', role: 'receiver', state: 'running', restarts: 0, pid: 1 };
// Only what is passed on.
const GROUP = { role: 'receiver', ready: true } as GroupFacts;

const at = (now: number, monotonic: number): Clock => ({ now: () => now, monotonic: () => monotonic });

test('reports are by gateway and role; a crash is told with its last words, a silence by the age of the facts', () => {
  const { reports, facts } = reportsOf(
    [
      { shown: CRASH, facts: undefined },
      { shown: RUNNING, facts: { epoch: 'e', change: 1, group: GROUP, connections: new Map(), answeredAt: 5 } },
    ],
    at(1_000_000, 25),
  );
  assert.deepEqual(reports.get('mailhold/default'), {
    pollers: [{ crash: { since: Date.parse(AT), message: 'it ended with code 1: Error: no' } }],
    receiver: { group: GROUP, answeredAt: 999_980 },
  });
  assert.equal(facts.size, 0);
});

test('a clock that is set makes no worker silent, and no silent one heard', () => {
  const facts = { epoch: 'e', change: 1, group: GROUP, connections: new Map(), answeredAt: 1_000 };
  for (const now of [0, 1_000_000, 9_000_000_000]) {
    const { reports } = reportsOf([{ shown: RUNNING, facts }], at(now, 8_000));
    assert.equal(now - (reports.get('mailhold/default')?.receiver?.answeredAt ?? 0), 7_000);
  }
});

test('a worker that was ended once is no crash yet', () => {
  const shown: ShownWorker = { ...CRASH, state: 'restarting' };
  assert.deepEqual(reportsOf([{ shown, facts: undefined }], at(1_000_000, 25)).reports.get('mailhold/default'), {
    pollers: [{}],
  });
});

test('health and readiness say what is wrong', () => {
  const view: StandaloneView = { gateways: [], archives: [], connections: [], problems: [], workers: [RUNNING] };
  assert.deepEqual(health(view, undefined), { ok: true, text: 'ok' });
  assert.deepEqual(readiness(view, undefined), { ok: false, text: 'There is no MailGateway in the folder.' });
  assert.match(health({ ...view, workers: [CRASH] }, undefined).text, /poller of mailhold\/default.*Error: no/);
  assert.match(health(view, new Error('disk full')).text, /not carried out: disk full/);
});
