import type { TestContext } from 'node:test';
import { type WatchObjectsOptions, type WatchStep, watchObjects } from '../watch.ts';
import { type ManualTime, manualTime } from './manual-time.ts';
import { type Fault, type SimulatedServer, simulatedServer, THINGS, type Thing } from './simulated-server.ts';

export interface WatchRig {
  time: ManualTime;
  server: SimulatedServer;
  steps: WatchStep<Thing>[];
  /** What each step was, in a word and the names in it. */
  words(): string[];
  stop(): Promise<void>;
}

export function watchRig(t: TestContext, options: Partial<WatchObjectsOptions<Thing>> = {}): WatchRig {
  const time = manualTime();
  const server = simulatedServer(time);
  const steps: WatchStep<Thing>[] = [];
  const stop = new AbortController();
  const following = (async () => {
    const { clock, timers } = time;
    const { client } = server;
    const common = { client, type: THINGS, clock, timers, random: () => 0, signal: stop.signal };
    for await (const step of watchObjects<Thing>({ ...common, ...options })) steps.push(step);
  })();
  const end = async (): Promise<void> => {
    stop.abort();
    await following;
  };
  t.after(end);
  return { time, server, steps, words: () => steps.map(wordsOf), stop: end };
}

function wordsOf(step: WatchStep<Thing>): string {
  switch (step.type) {
    case 'listed':
      return `listed ${step.objects.map(({ metadata }) => metadata.name).join(' ')}`.trim();
    case 'applied':
    case 'deleted':
      return `${step.type} ${step.object.metadata.name}`;
    case 'bookmark':
      return 'bookmark';
    case 'interrupted':
      return `interrupted ${step.error.code}, ${step.next} in ${step.retryInMs}`;
  }
}

/** The fault for the first requests of this kind, one each. */
export function faultsInTurn(verb: 'list' | 'watch', ...faults: (Fault | undefined)[]): SimulatedServer['fault'] {
  return (request) => (request.verb === verb ? faults.shift() : undefined);
}
