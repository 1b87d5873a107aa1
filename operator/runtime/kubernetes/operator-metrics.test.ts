import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOperatorMetrics, type WatchContact } from './operator-metrics.ts';
import { sceneClock } from './testing/worker-scene.ts';

const FIGURES = { depth: 2, delayed: 1, running: 1, failing: 3, longestRunningMs: 1_500, unfinishedMs: 2_500 };

/** The lines that begin with the name. */
async function lines(metrics: { text(): Promise<string> }, name: string): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => line.startsWith(name));
}

test('calls of the API server are counted by what was done and how it ended', async () => {
  const metrics = createOperatorMetrics(sceneClock());
  for (const code of ['200', '200', '409']) metrics.called({ verb: 'apply', plural: 'secrets', code, ms: 20 });
  assert.deepEqual(await lines(metrics, 'rest_client_requests_total'), [
    'rest_client_requests_total{verb="apply",resource="secrets",code="200"} 2',
    'rest_client_requests_total{verb="apply",resource="secrets",code="409"} 1',
  ]);
  assert.deepEqual(await lines(metrics, 'rest_client_request_duration_seconds_sum'), [
    'rest_client_request_duration_seconds_sum{verb="apply"} 0.06',
  ]);
});

test('the queue is told in the names that dashboards know', async () => {
  const metrics = createOperatorMetrics(sceneClock());
  assert.deepEqual(await lines(metrics, 'workqueue_depth'), [], 'nothing before there is a queue');
  metrics.follow({ contacts: () => [], figures: () => FIGURES });
  metrics.observeQueue({ type: 'added' });
  metrics.observeQueue({ type: 'started', queuedMs: 30 });
  metrics.observeQueue({ type: 'finished', workMs: 40, outcome: 'failed' });
  metrics.observeQueue({ type: 'finished', workMs: 40, outcome: 'done' });
  const expected = {
    workqueue_adds_total: 1,
    workqueue_retries_total: 1,
    workqueue_depth: 2,
    workqueue_unfinished_work_seconds: 2.5,
    workqueue_longest_running_processor_seconds: 1.5,
    workqueue_queue_duration_seconds_sum: 0.03,
    workqueue_work_duration_seconds_count: 2,
    mailhold_failing_keys: 3,
  };
  for (const [name, value] of Object.entries(expected)) {
    assert.deepEqual(await lines(metrics, name), [`${name}{name="work"} ${value}`]);
  }
});

test('each watch tells how long its server has been silent, and one that never spoke is endless', async () => {
  const clock = sceneClock();
  const metrics = createOperatorMetrics(clock);
  let contacts: WatchContact[] = [
    { plural: 'pods', namespace: 'mail', at: clock.monotonic() },
    { plural: 'nodes', namespace: undefined, at: undefined },
  ];
  metrics.follow({ contacts: () => contacts, figures: () => FIGURES });
  clock.pass(7_000);
  assert.deepEqual(await lines(metrics, 'mailhold_watch_last_contact_seconds'), [
    'mailhold_watch_last_contact_seconds{resource="pods",namespace="mail"} 7',
    'mailhold_watch_last_contact_seconds{resource="nodes",namespace=""} +Inf',
  ]);
  contacts = contacts.slice(0, 1);
  assert.equal((await lines(metrics, 'mailhold_watch_last_contact_seconds')).length, 1);
});
