import { setTimeout as pause } from 'node:timers/promises';
import type { LoadOptions } from './smtp-load.ts';
import { openSender, type Sender } from './smtp-sender.ts';

export type LoadOrder = Omit<LoadOptions, 'onMeasure'>;

export type LoadAnswer =
  | { kind: 'edge'; edge: 'begin' | 'end' }
  | {
      kind: 'done';
      /** Of the messages acknowledged in the measured time, in ms. */
      latencies: Float64Array;
      measuredMs: number;
      cpuMs: number;
      acknowledged: number[];
    }
  | { kind: 'failed'; message: string };

// The process of smtp-load.ts: one order after the other, until the channel closes.
process.on('message', (order: LoadOrder) => {
  send(order).then(
    (answer) => process.send?.(answer),
    (error: unknown) => process.send?.({ kind: 'failed', message: String(error) } satisfies LoadAnswer),
  );
});

async function send(order: LoadOrder): Promise<LoadAnswer> {
  const opened = await Promise.allSettled(
    Array.from({ length: order.connections }, (_, connection) => openSender(order, connection)),
  );
  const senders = opened.filter((one) => one.status === 'fulfilled').map((one) => one.value);
  try {
    for (const one of opened) if (one.status === 'rejected') throw one.reason;
    return await measure(order, senders);
  } finally {
    for (const sender of senders) sender.cut();
  }
}

async function measure(order: LoadOrder, senders: readonly Sender[]): Promise<LoadAnswer> {
  const latencies: number[] = [];
  let measuring = false;
  for (const sender of senders) {
    sender.begin((ms) => {
      if (measuring) latencies.push(ms);
    });
  }
  const ended = Promise.all(senders.map((sender) => sender.ended));
  // A sender that fails ends the run at once, not after its time.
  const orFailed = (ms: number): Promise<unknown> => Promise.race([pause(ms), ended]);

  await orFailed(order.warmupMs);
  process.send?.({ kind: 'edge', edge: 'begin' } satisfies LoadAnswer);
  const cpuBefore = process.cpuUsage();
  const from = performance.now();
  measuring = true;
  await orFailed(order.measureMs);
  measuring = false;
  const measuredMs = performance.now() - from;
  const cpu = process.cpuUsage(cpuBefore);
  process.send?.({ kind: 'edge', edge: 'end' } satisfies LoadAnswer);

  for (const sender of senders) sender.finish();
  await ended;
  return {
    kind: 'done',
    latencies: Float64Array.from(latencies),
    measuredMs,
    cpuMs: (cpu.user + cpu.system) / 1000,
    acknowledged: senders.map((sender) => sender.acknowledged),
  };
}
