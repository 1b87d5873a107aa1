import { Counter, Gauge, Histogram } from 'prom-client';
import type { FinishedCall } from '../../kube/measured-calls.ts';
import type { QueueEvent, QueueFigures } from '../../kube/queue-figures.ts';
import type { Clock } from '../clock.ts';
import { createOwnMetrics, type OwnMetrics } from '../own-metrics.ts';

export interface WatchContact {
  plural: string;
  namespace: string | undefined;
  /** By the monotonic clock, in ms. */
  at: number | undefined;
}

/** The operator's own metrics; names that dashboards for other operators know are kept. */
export interface OperatorMetrics extends OwnMetrics {
  called(call: FinishedCall): void;
  observeQueue(event: QueueEvent): void;
  /** What is asked at every reading of the metrics. */
  follow(sources: { contacts: () => readonly WatchContact[]; figures: () => QueueFigures }): void;
}

const SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
const QUEUE = { name: 'work' };

export function createOperatorMetrics(clock: Clock): OperatorMetrics {
  const own = createOwnMetrics();
  const registers = [own.registry];
  const calls = new Counter({
    name: 'rest_client_requests_total',
    help: 'Calls of the API server, by what was done and how it ended.',
    labelNames: ['verb', 'resource', 'code'],
    registers,
  });
  const callSeconds = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Time of a call of the API server with all its tries.',
    labelNames: ['verb'],
    buckets: SECONDS,
    registers,
  });
  const queueLabels = { labelNames: ['name'] as const, registers };
  const adds = new Counter({ name: 'workqueue_adds_total', help: 'Requests for a run.', ...queueLabels });
  const retries = new Counter({ name: 'workqueue_retries_total', help: 'Runs that failed.', ...queueLabels });
  const queued = new Histogram({
    name: 'workqueue_queue_duration_seconds',
    help: 'Time that a key was due before its run began.',
    buckets: SECONDS,
    ...queueLabels,
  });
  const worked = new Histogram({
    name: 'workqueue_work_duration_seconds',
    help: 'Time of a run.',
    buckets: SECONDS,
    ...queueLabels,
  });
  let sources: Parameters<OperatorMetrics['follow']>[0] | undefined;
  const figure = (name: string, help: string, of: (figures: QueueFigures) => number): void => {
    new Gauge({
      name,
      help,
      ...queueLabels,
      collect() {
        if (sources !== undefined) this.set(QUEUE, of(sources.figures()));
      },
    });
  };
  figure('workqueue_depth', 'Keys that are due and not running.', ({ depth }) => depth);
  figure('workqueue_unfinished_work_seconds', 'Time of the runs under way, together.', (it) => it.unfinishedMs / 1_000);
  figure(
    'workqueue_longest_running_processor_seconds',
    'Time of the longest run under way.',
    (it) => it.longestRunningMs / 1_000,
  );
  figure('mailhold_failing_keys', 'Objects whose last write failed and is tried again.', ({ failing }) => failing);
  new Gauge({
    name: 'mailhold_watch_last_contact_seconds',
    help: 'Time since the API server last said something on a watch; a healthy one is below 300.',
    labelNames: ['resource', 'namespace'],
    registers,
    collect() {
      this.reset();
      for (const { plural, namespace, at } of sources?.contacts() ?? []) {
        const age = at === undefined ? Number.POSITIVE_INFINITY : (clock.monotonic() - at) / 1_000;
        this.set({ resource: plural, namespace: namespace ?? '' }, age);
      }
    },
  });

  return {
    ...own,
    called: ({ verb, plural, code, ms }) => {
      calls.inc({ verb, resource: plural, code });
      callSeconds.observe({ verb }, ms / 1_000);
    },
    observeQueue: (event) => {
      switch (event.type) {
        case 'added':
          adds.inc(QUEUE);
          return;
        case 'started':
          queued.observe(QUEUE, event.queuedMs / 1_000);
          return;
        case 'finished':
          worked.observe(QUEUE, event.workMs / 1_000);
          if (event.outcome === 'failed') retries.inc(QUEUE);
          return;
      }
    },
    follow: (given) => {
      sources = given;
    },
  };
}
