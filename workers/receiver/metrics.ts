import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { StageResult } from '../process/contract.ts';
import type { Reply } from './replies.ts';
import type { Recipient } from './served.ts';

export interface ReceiverMetrics {
  refused(reply: Reply): void;
  acknowledged(ms: number): void;
  handshakeFailed(): void;
  unknownRecipient(): void;
  hiddenPeer(): void;
  stage(result: StageResult): void;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

/**
 * The receiver's metrics. Messages and bytes are read from the connections' counts at scrape time, which keeps the hot
 * path free of them and makes metrics and facts agree.
 */
export function registerMetrics(
  registry: Registry,
  recipients: () => Iterable<Recipient>,
  sessions: () => number,
): ReceiverMetrics {
  const registers = [registry];
  const connection = ['namespace', 'connection'] as const;
  new Gauge({
    name: 'mailhold_receiver_sessions',
    help: 'SMTP sessions open now.',
    registers,
    collect() {
      this.set(sessions());
    },
  });
  new Counter({
    name: 'mailhold_receiver_messages_total',
    help: 'Messages whose body began, by how they ended.',
    labelNames: [...connection, 'result'],
    registers,
    collect() {
      this.reset();
      for (const { entry, board } of recipients()) {
        for (const result of ['stored', 'deferred', 'rejected', 'cut'] as const) {
          this.inc({ namespace: entry.namespace, connection: entry.name, result }, board.counts[result]);
        }
      }
    },
  });
  new Counter({
    name: 'mailhold_receiver_stored_bytes_total',
    help: 'Bytes of stored messages.',
    labelNames: connection,
    registers,
    collect() {
      this.reset();
      for (const { entry, board } of recipients()) {
        this.inc({ namespace: entry.namespace, connection: entry.name }, board.counts.storedBytes);
      }
    },
  });
  new Gauge({
    name: 'mailhold_receiver_last_stored_timestamp_seconds',
    help: 'When a message was last stored.',
    labelNames: connection,
    registers,
    collect() {
      this.reset();
      for (const { entry, board } of recipients()) {
        const { lastStoredAt } = board.facts;
        if (lastStoredAt === undefined) continue;
        this.set({ namespace: entry.namespace, connection: entry.name }, Date.parse(lastStoredAt) / 1000);
      }
    },
  });
  const refusals = new Counter({
    name: 'mailhold_receiver_refusals_total',
    help: 'Commands, recipients and messages that were refused, by reply.',
    labelNames: ['reply'],
    registers,
  });
  const acknowledge = new Histogram({
    name: 'mailhold_receiver_acknowledge_seconds',
    help: "Time from a message's last byte to its 250.",
    buckets: SECONDS,
    registers,
  });
  const handshakes = new Counter({
    name: 'mailhold_receiver_failed_handshakes_total',
    help: 'TLS handshakes that failed.',
    registers,
  });
  const unknown = new Counter({
    name: 'mailhold_receiver_unknown_recipients_total',
    help: 'Recipients with our check characters that no connection serves.',
    registers,
  });
  const hidden = new Counter({
    name: 'mailhold_receiver_hidden_peer_sessions_total',
    help: 'Sessions that named a recipient, and whose sender address the Service hides.',
    registers,
  });
  const stages = new Counter({
    name: 'mailhold_receiver_self_test_stages_total',
    help: 'Stages of self-tests, by result.',
    labelNames: ['stage', 'result'],
    registers,
  });
  return {
    refused: (reply) => refusals.inc({ reply: reply.text }),
    acknowledged: (ms) => acknowledge.observe(ms / 1000),
    handshakeFailed: () => handshakes.inc(),
    unknownRecipient: () => unknown.inc(),
    hiddenPeer: () => hidden.inc(),
    stage: ({ stage, ok }) => stages.inc({ stage, result: ok ? 'passed' : 'failed' }),
  };
}
