import { type IncomingMessage, request } from 'node:http';
import { createInterface } from 'node:readline';
import type { StatusAnswer, TestEvent, TestRequest } from '../../../workers/process/contract.ts';
import { backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { mergeAnswer, type WorkerFacts } from './facts.ts';

/** How long the worker may hold an answer back. Counters that wake nobody are at most this old. */
const WAIT_MS = 15_000;
const ANSWER_MS = 5_000;
const LARGEST_ANSWER = 256 * 1024 * 1024;
/** A worker that starts needs some tenths of a second until it listens. */
const LEAST_DELAY_MS = 20;
const MOST_DELAY_MS = 1_000;
/** A test has deadlines of its own; this is for a worker that hangs. */
const TEST_MS = 180_000;

export interface WorkerClient {
  readonly facts: WorkerFacts | undefined;
  /** Asks at once instead of after the back-off: the process was just started. */
  poke(): void;
  /** Runs a test and yields its stages as they pass. Throws where the worker cannot be reached. */
  test(body: TestRequest, signal: AbortSignal): AsyncGenerator<TestEvent>;
  /** Its metrics in the Prometheus text format. */
  metrics(signal: AbortSignal): Promise<string>;
}

export interface WorkerClientOptions {
  socketPath: string;
  clock: Clock;
  /** Called when the facts changed, also where only `answeredAt` did. */
  onFacts: () => void;
  signal: AbortSignal;
  waitMs?: number;
}

/** Follows one worker's facts over its Unix socket by long polling, until `signal` aborts. */
export function followWorker(options: WorkerClientOptions): WorkerClient {
  const { socketPath, clock, onFacts, signal } = options;
  const waitMs = options.waitMs ?? WAIT_MS;
  let facts: WorkerFacts | undefined;
  let failures = 0;
  let wake: (() => void) | undefined;

  const ask = async (): Promise<void> => {
    // One that comes back says so at once, also where it has nothing new to say.
    const wait = failures > 0 ? 0 : waitMs;
    const held = wait === 0 ? '' : `&wait=${wait}`;
    const query = facts === undefined ? '' : `?epoch=${facts.epoch}&since=${facts.change}${held}`;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(wait + ANSWER_MS)]);
    const response = await open(socketPath, 'GET', `/status${query}`, deadline);
    const answer = JSON.parse(await readText(response)) as StatusAnswer;
    if (response.statusCode !== 200 || answer.version !== 1) throw new Error('the worker does not answer as expected');
    facts = mergeAnswer(facts, answer, clock.monotonic());
    if (facts !== undefined) onFacts();
  };

  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await ask();
        failures = 0;
      } catch {
        // Nobody listens (the supervisor reports the process), or it hangs: how old the facts are shows in the status.
        if (signal.aborted) return;
        failures += 1;
        await pause(backoff(failures, LEAST_DELAY_MS, MOST_DELAY_MS, Math.random()));
      }
    }
  };
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      wake = done;
    });

  void follow();
  return {
    get facts() {
      return facts;
    },
    poke: () => {
      failures = 0;
      wake?.();
    },
    test: async function* (body, stop) {
      const deadline = AbortSignal.any([signal, stop, AbortSignal.timeout(TEST_MS)]);
      const response = await open(socketPath, 'POST', '/test', deadline, JSON.stringify(body));
      if (response.statusCode !== 200) throw new Error(`the worker answered ${response.statusCode}`);
      for await (const line of createInterface({ input: response })) {
        if (line !== '') yield JSON.parse(line) as TestEvent;
      }
    },
    metrics: async (stop) => {
      const deadline = AbortSignal.any([signal, stop, AbortSignal.timeout(ANSWER_MS)]);
      return await readText(await open(socketPath, 'GET', '/metrics', deadline));
    },
  };
}

function open(
  socketPath: string,
  method: string,
  path: string,
  signal: AbortSignal,
  body?: string,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path, signal, agent: false }, resolve);
    asked.once('error', reject);
    asked.end(body);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_ANSWER) throw new Error('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
