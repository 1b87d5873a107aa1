import type { StatusAnswer, TestEvent, TestRequest } from '../../../workers/process/contract.ts';
import { backoff } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { mergeAnswer, type WorkerFacts } from './facts.ts';
import { toWorkerCallError, type WorkerCallCode, WorkerCallError } from './worker-call-error.ts';
import { readAnswer, readLines, type WorkerEndpoint, workerCalls } from './worker-endpoint.ts';

/** How long the worker may hold an answer back. Counters that wake nobody are at most this old. */
const WAIT_MS = 15_000;
const ANSWER_MS = 5_000;
/** A worker that starts needs some tenths of a second until it listens. */
const LEAST_DELAY_MS = 20;
const MOST_DELAY_MS = 1_000;
/** A test has deadlines of its own; this is for a worker that hangs. */
const TEST_MS = 180_000;

export interface WorkerClient {
  readonly facts: WorkerFacts | undefined;
  /** Why the last question went unanswered; absent since one was answered. `at` in ms since 1970. */
  readonly lastError: { at: number; code: WorkerCallCode; message: string } | undefined;
  /** Asks at once instead of after the back-off: the process was just started. */
  poke(): void;
  /** Runs a test and yields its stages as they pass. @throws WorkerCallError */
  test(body: TestRequest, signal: AbortSignal): AsyncGenerator<TestEvent>;
  /** Its metrics in the Prometheus text format. @throws WorkerCallError */
  metrics(signal: AbortSignal): Promise<string>;
}

export interface WorkerClientOptions {
  endpoint: WorkerEndpoint;
  clock: Clock;
  /** Called when the facts changed, also where only `answeredAt` did, and when the two no longer trust each other. */
  onFacts: () => void;
  signal: AbortSignal;
  waitMs?: number;
}

/** Follows one worker's facts by long polling, until `signal` aborts. */
export function followWorker(options: WorkerClientOptions): WorkerClient {
  const { clock, onFacts, signal } = options;
  const calls = workerCalls(options.endpoint);
  const waitMs = options.waitMs ?? WAIT_MS;
  let facts: WorkerFacts | undefined;
  let lastError: WorkerClient['lastError'];
  let failures = 0;
  let wake: (() => void) | undefined;

  const ask = async (): Promise<void> => {
    // One that comes back says so at once, also where it has nothing new to say.
    const wait = failures > 0 ? 0 : waitMs;
    const held = wait === 0 ? '' : `&wait=${wait}`;
    const query = facts === undefined ? '' : `?epoch=${facts.epoch}&since=${facts.change}${held}`;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(wait + ANSWER_MS)]);
    const answer = parseAnswer(
      await readAnswer(await calls.open('GET', `/status${query}`, deadline), calls.where),
      calls.where,
    );
    facts = mergeAnswer(facts, answer, clock.monotonic());
    lastError = undefined;
    if (facts !== undefined) onFacts();
  };

  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await ask();
        failures = 0;
      } catch (error) {
        // Nobody listens, or it hangs: how old the facts are shows in the status, and so does why.
        if (signal.aborted) return;
        const { code, message } = toWorkerCallError(error, calls.where);
        const isNews = code === 'WorkerNotTrusted' && lastError?.code !== code;
        lastError = { at: clock.now(), code, message };
        if (isNews) onFacts();
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

  void follow().finally(() => calls[Symbol.dispose]());
  return {
    get facts() {
      return facts;
    },
    get lastError() {
      return lastError;
    },
    poke: () => {
      failures = 0;
      wake?.();
    },
    test: async function* (body, stop) {
      const deadline = AbortSignal.any([signal, stop, AbortSignal.timeout(TEST_MS)]);
      try {
        const response = await calls.open('POST', '/test', deadline, JSON.stringify(body));
        for await (const line of readLines(response, calls.where)) {
          if (line !== '') yield JSON.parse(line) as TestEvent;
        }
      } catch (error) {
        throw toWorkerCallError(error, calls.where);
      }
    },
    metrics: async (stop) => {
      const deadline = AbortSignal.any([signal, stop, AbortSignal.timeout(ANSWER_MS)]);
      try {
        return await readAnswer(await calls.open('GET', '/metrics', deadline), calls.where);
      } catch (error) {
        throw toWorkerCallError(error, calls.where);
      }
    },
  };
}

function parseAnswer(text: string, where: string): StatusAnswer {
  try {
    const answer = JSON.parse(text) as StatusAnswer;
    if (answer.version === 1) return answer;
  } catch (cause) {
    throw new WorkerCallError('UnexpectedAnswer', `What the worker at ${where} answers is no JSON.`, { cause });
  }
  throw new WorkerCallError('UnexpectedAnswer', `The worker at ${where} speaks a version that is not known here.`);
}
