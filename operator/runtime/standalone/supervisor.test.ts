import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../clock.ts';
import { createEventLog } from './event-log.ts';
import {
  type SupervisedWorker,
  type SupervisorOptions,
  superviseWorker,
  type WorkerProcessStatus,
} from './supervisor.ts';

const RUNS = 'process.stdin.resume(); console.log(JSON.stringify({event:"up"})); setInterval(()=>{},1000);';

function supervise(
  t: TestContext,
  program: string,
  options: Partial<SupervisorOptions> = {},
): { worker: SupervisedWorker; lines: string[]; until: (holds: (s: WorkerProcessStatus) => boolean) => Promise<void> } {
  const lines: string[] = [];
  let told = Promise.withResolvers<void>();
  const log = createEventLog((line) => {
    lines.push(line);
    told.resolve();
  }, systemClock);
  const worker = superviseWorker({
    command: ['-e', program],
    label: { gateway: 'mailhold/default', role: 'receiver' },
    env: {},
    clock: systemClock,
    log,
    onChange: () => told.resolve(),
    keepErrors: () => undefined,
    leastDelayMs: 5,
    ...options,
  });
  t.after(() => worker.stop());
  const until = async (holds: (status: WorkerProcessStatus) => boolean): Promise<void> => {
    const late = setTimeout(() => told.reject(new Error(`not reached: ${JSON.stringify(worker.status())}`)), 10_000);
    while (!holds(worker.status())) {
      await told.promise;
      told = Promise.withResolvers();
    }
    clearTimeout(late);
  };
  return { worker, lines, until };
}

test('a killed worker is started again, and the exit is told', async (t) => {
  const { worker, until } = supervise(t, RUNS);
  await until(({ state }) => state === 'running');
  const first = worker.status().pid ?? 0;
  process.kill(first, 'SIGKILL');
  await until(({ restarts, state }) => restarts === 1 && state === 'running');
  const status = worker.status();
  assert.notEqual(status.pid, first);
  assert.equal(status.lastExit?.signal, 'SIGKILL');
});

test('a worker that cannot start is called crash-looping, with its error', async (t) => {
  const kept: string[] = [];
  const { worker, lines, until } = supervise(t, 'throw new RangeError("the port is taken")', {
    keepErrors: (errors) => kept.push(errors.join('\n')),
  });
  await until(({ state }) => state === 'crash-looping');
  assert.match(kept[0] ?? '', /RangeError: the port is taken\n\s+at /, 'the stack trace is kept apart');
  assert.doesNotMatch(lines.join(''), /\s{4}at /, 'and is not in the log');
  const { lastExit } = worker.status();
  assert.equal(lastExit?.code, 1);
  assert.equal(lastExit?.text, 'RangeError: the port is taken');
});

test('after a healthy run the next exit is a first one again', async (t) => {
  const { until } = supervise(t, 'process.exit(3)', { healthyMs: 0 });
  await until(({ restarts, state }) => restarts >= 5 && state === 'running');
});

test('its lines pass through as they are', async (t) => {
  const { lines, until } = supervise(t, RUNS);
  await until(() => lines.includes('{"event":"up"}\n'));
});

test('a stop is orderly, and does not start it again', async (t) => {
  const { worker, lines, until } = supervise(t, `process.on("SIGTERM",()=>process.exit(0));${RUNS}`);
  await until(() => lines.some((line) => line.includes('"up"')));
  await worker.stop();
  const { state, lastExit, restarts } = worker.status();
  assert.deepEqual({ state, code: lastExit?.code, restarts }, { state: 'stopped', code: 0, restarts: 0 });
});

test('a worker that does not stop in its grace is killed', async (t) => {
  const { worker, lines, until } = supervise(t, `process.on("SIGTERM",()=>{});${RUNS}`, { stopGraceMs: 50 });
  await until(() => lines.some((line) => line.includes('"up"')));
  await worker.stop();
  assert.equal(worker.status().lastExit?.signal, 'SIGKILL');
});

test('a stop while it waits for its next start ends it', async (t) => {
  const { worker, until } = supervise(t, 'process.exit(1)', { leastDelayMs: 60_000 });
  await until(({ state }) => state === 'restarting' && worker.status().lastExit !== undefined);
  await worker.stop();
  assert.equal(worker.status().state, 'stopped');
});

test('the worker gets the given environment alone, and a standard input that ends with us', async (t) => {
  process.env.MAILHOLD_TEST_SECRET = 'hunter2';
  t.after(() => {
    delete process.env.MAILHOLD_TEST_SECRET;
  });
  const program = `console.log("env:"+Object.keys(process.env).filter(n=>/MAILHOLD|TZ/.test(n)));${RUNS}`;
  const { lines, until } = supervise(t, program, { env: { TZ: 'UTC' } });
  await until(() => lines.includes('env:TZ\n'));
});
