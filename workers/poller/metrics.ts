import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ConnectionEntry, StageResult } from '../process/contract.ts';
import type { ConnectionBoard } from '../process/facts-board.ts';
import type { MailboxState } from './mailbox-state.ts';

/** A connection, as the metrics see it. */
export interface Polled {
  entry: ConnectionEntry;
  board: ConnectionBoard;
  state: MailboxState;
}

export interface PollerMetrics {
  stage(result: StageResult): void;
  polled(seconds: number, ok: boolean): void;
}

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

/**
 * The poller's metrics. What belongs to a connection is read from its facts at scrape time, so that metrics and facts
 * agree, and a series ends with its connection.
 *
 * @param now wall clock in ms
 */
export function registerMetrics(registry: Registry, polled: () => Iterable<Polled>, now: () => number): PollerMetrics {
  const registers = [registry];
  const connection = ['namespace', 'connection'] as const;
  const gauge = (name: string, help: string, read: (one: Polled) => number | undefined): void => {
    new Gauge({
      name,
      help,
      labelNames: connection,
      registers,
      collect() {
        this.reset();
        for (const one of polled()) {
          const value = read(one);
          if (value !== undefined) this.set({ namespace: one.entry.namespace, connection: one.entry.name }, value);
        }
      },
    });
  };
  gauge(
    'mailhold_poller_backlog_messages',
    'Messages at the source that are not archived, as of the last poll that saw them.',
    ({ board }) => board.facts.source?.waiting,
  );
  gauge('mailhold_poller_backlog_oldest_seconds', 'Since a poll first listed the oldest of them.', ({ board }) => {
    const { source } = board.facts;
    if (source === undefined) return undefined;
    return source.oldestWaitingSince === undefined ? 0 : (now() - Date.parse(source.oldestWaitingSince)) / 1000;
  });
  gauge('mailhold_poller_last_stored_timestamp_seconds', 'When a message was last stored.', ({ board }) => {
    const { lastStoredAt } = board.facts;
    return lastStoredAt === undefined ? undefined : Date.parse(lastStoredAt) / 1000;
  });
  new Counter({
    name: 'mailhold_poller_messages_total',
    help: 'Messages, by what became of them: stored, sighted (kept already), missed (not sent), deleted at the source.',
    labelNames: [...connection, 'result'],
    registers,
    collect() {
      this.reset();
      for (const { entry, board, state } of polled()) {
        const { stored, deleted } = board.counts;
        const results = { stored, sighted: state.sighted, missed: state.missed, deleted };
        for (const [result, count] of Object.entries(results)) {
          this.inc({ namespace: entry.namespace, connection: entry.name, result }, count);
        }
      }
    },
  });
  new Counter({
    name: 'mailhold_poller_stored_bytes_total',
    help: 'Bytes of stored messages.',
    labelNames: connection,
    registers,
    collect() {
      this.reset();
      for (const { entry, board } of polled()) {
        this.inc({ namespace: entry.namespace, connection: entry.name }, board.counts.storedBytes);
      }
    },
  });
  const polls = new Histogram({
    name: 'mailhold_poller_poll_seconds',
    help: 'How long polls took, by result.',
    labelNames: ['result'],
    buckets: SECONDS,
    registers,
  });
  const stages = new Counter({
    name: 'mailhold_poller_stages_total',
    help: 'Stages of polls and tests, by result.',
    labelNames: ['stage', 'result'],
    registers,
  });
  return {
    stage: ({ stage, ok }) => stages.inc({ stage, result: ok ? 'passed' : 'failed' }),
    polled: (seconds, ok) => polls.observe({ result: ok ? 'passed' : 'failed' }, seconds),
  };
}
