import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { LoadAnswer, LoadOrder } from './smtp-load-process.ts';
import type { SenderOptions } from './smtp-sender.ts';
import { quantile } from './statistics.ts';

export interface LoadOptions extends SenderOptions {
  connections: number;
  /** Sent before measuring begins, so that code is compiled and connections are warm. */
  warmupMs: number;
  measureMs: number;
  /** Called at the beginning and at the end of the measured time. */
  onMeasure?: (edge: 'begin' | 'end') => void;
}

export interface LoadResult {
  /** Acknowledged in the measured time, per second. */
  perSecond: number;
  /** From writing a message to its 250, in ms. */
  p50: number;
  p99: number;
  /** CPU of the generator in the measured time, in cores: 1 is one core all the time. */
  cores: number;
  measured: number;
  /** Messages acknowledged on each connection, from the first to the last: ids are (run, connection, 0 to this - 1). */
  acknowledged: number[];
}

/** A process of its own that sends; it stays warm from run to run. */
export interface LoadGenerator extends AsyncDisposable {
  /** @throws Error where the server answered otherwise than expected: a run in which mail was refused is no measurement */
  run(options: LoadOptions): Promise<LoadResult>;
}

export function startLoadGenerator(): LoadGenerator {
  const child = fork(join(import.meta.dirname, 'smtp-load-process.ts'), { serialization: 'advanced' });
  const ended = once(child, 'exit');
  return {
    run: async ({ onMeasure, ...order }) => {
      for await (const answer of ask(child, order)) {
        switch (answer.kind) {
          case 'edge':
            onMeasure?.(answer.edge);
            break;
          case 'failed':
            throw new Error(answer.message);
          case 'done': {
            const { latencies, measuredMs, cpuMs, acknowledged } = answer;
            return {
              perSecond: (latencies.length / measuredMs) * 1000,
              p50: quantile(latencies, 0.5),
              p99: quantile(latencies, 0.99),
              cores: cpuMs / measuredMs,
              measured: latencies.length,
              acknowledged,
            };
          }
        }
      }
      throw new Error('the load generator went away');
    },
    [Symbol.asyncDispose]: async () => {
      child.disconnect();
      await ended;
    },
  };
}

/** What the process answers to an order, until it goes away. */
async function* ask(child: ChildProcess, order: LoadOrder): AsyncGenerator<LoadAnswer> {
  const answers: LoadAnswer[] = [];
  let wake = Promise.withResolvers<void>();
  let gone = child.exitCode !== null;
  const onMessage = (answer: unknown): void => {
    answers.push(answer as LoadAnswer);
    wake.resolve();
  };
  const onExit = (): void => {
    gone = true;
    wake.resolve();
  };
  child.on('message', onMessage);
  child.once('exit', onExit);
  try {
    child.send(order);
    for (;;) {
      const next = answers.shift();
      if (next !== undefined) yield next;
      else if (gone) return;
      else await wake.promise;
      wake = Promise.withResolvers();
    }
  } finally {
    child.off('message', onMessage);
    child.off('exit', onExit);
  }
}
