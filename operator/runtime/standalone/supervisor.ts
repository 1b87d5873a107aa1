import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { backoff } from '../backoff.ts';
import { type Clock, timestamp } from '../clock.ts';
import type { EventLog } from './event-log.ts';
import { lastWords } from './last-words.ts';

const LEAST_DELAY_MS = 200;
const MOST_DELAY_MS = 30_000;
/** A process that ran this long has shown that it can; its next exit is a first one again. */
const HEALTHY_MS = 60_000;
/** After this long a process in a crash loop is shown as running again; its delays still count on. */
const STEADY_MS = 10_000;
/** Exits in a row, none of them after a healthy run, from which on it is called crash-looping. */
const LOOP_AFTER = 3;
/** Longer than the grace that a stopping worker gives itself for what is in flight. */
const STOP_GRACE_MS = 25_000;

/** How a worker process ended. */
export interface WorkerExit {
  at: string;
  code: number | null;
  signal: string | null;
  /** What it last said on standard error, if anything. */
  text?: string;
}

export interface WorkerProcessStatus {
  state: 'running' | 'restarting' | 'crash-looping' | 'stopped';
  pid?: number;
  /** Since we supervise it. */
  restarts: number;
  /** The first exit of the present run of exits without a healthy time between them. */
  failingSince?: string;
  startedAt?: string;
  lastExit?: WorkerExit;
}

export interface SupervisedWorker {
  status(): WorkerProcessStatus;
  /** Ends the process in an orderly way (SIGTERM, after a grace SIGKILL). Resolves when it is gone. */
  stop(): Promise<void>;
}

export interface SupervisorOptions {
  /** Path of the program's main module, and its arguments. */
  command: readonly string[];
  /** Names the worker in the log: its gateway and role. */
  label: { gateway: string; role: string };
  env: Readonly<Record<string, string>>;
  clock: Clock;
  log: EventLog;
  onChange: () => void;
  /** Takes the last lines of standard error of a process that ended unasked, stack trace included. */
  keepErrors: (lines: readonly string[]) => void;
  leastDelayMs?: number;
  healthyMs?: number;
  stopGraceMs?: number;
}

/**
 * Keeps one worker process running: starts it, and after each exit that was not asked for starts it again, after 0.2 s
 * at first and up to 30 s. The process holds the other end of a pipe as its standard input, so that it also ends with
 * us where we are killed. It is in a process group of its own: Ctrl-C in a terminal then reaches us alone, and the
 * worker is stopped once and in order.
 */
export function superviseWorker(options: SupervisorOptions): SupervisedWorker {
  const { command, label, clock, log, onChange } = options;
  const healthyMs = options.healthyMs ?? HEALTHY_MS;
  const steadyMs = Math.min(STEADY_MS, healthyMs);
  let status: WorkerProcessStatus = { state: 'restarting', restarts: 0 };
  let child: ChildProcess | undefined;
  let failures = 0;
  let retry: NodeJS.Timeout | undefined;
  let stopped: (() => void) | undefined;

  const start = (): void => {
    const startedAt = clock.monotonic();
    const spawned = spawn(process.execPath, [...command], {
      env: { ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    child = spawned;
    const errors: string[] = [];
    let ended = false;
    const exited = (code: number | null, signal: string | null, text: string | undefined): void => {
      if (ended) return;
      ended = true;
      child = undefined;
      const lastExit = { at: timestamp(clock), code, signal, ...(text !== undefined && { text }) };
      if (stopped !== undefined) {
        status = { state: 'stopped', restarts: status.restarts, lastExit };
        stopped();
      } else {
        const uptime = clock.monotonic() - startedAt;
        failures = uptime >= healthyMs ? 1 : failures + 1;
        status = {
          state: failures >= LOOP_AFTER ? 'crash-looping' : 'restarting',
          restarts: status.restarts,
          failingSince: failures === 1 ? lastExit.at : (status.failingSince ?? lastExit.at),
          lastExit,
        };
        const delay = backoff(failures, options.leastDelayMs ?? LEAST_DELAY_MS, MOST_DELAY_MS, Math.random());
        const restartInMs = Math.round(delay);
        if (code === 0) {
          // It ended in order, to begin anew with what it cannot change while it runs: the folder of the archive.
          log.info('worker-begins-anew', { ...label, restartInMs });
        } else {
          options.keepErrors(errors);
          log.error('worker-exited', { ...label, code, signal, text, restartInMs });
        }
        retry = setTimeout(() => {
          status.restarts += 1;
          start();
        }, delay);
      }
      onChange();
    };
    spawned.on('error', (error) => exited(null, null, `it could not be started: ${error.message}`));
    spawned.on('close', (code, signal) => exited(code, signal, lastWords(errors)));
    // The pipe breaks where the process dies; 'close' tells.
    spawned.stdin.on('error', () => spawned.stdin.destroy());
    createInterface({ input: spawned.stdout, crlfDelay: Number.POSITIVE_INFINITY }).on('line', log.passThrough);
    createInterface({ input: spawned.stderr, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
      errors.push(line);
      if (errors.length > 50) errors.shift();
      // Frames of a stack trace are for who mends the program; they stand in the file that `keepErrors` writes.
      if (!/^\s+at /.test(line) && line.trim() !== '') log.error('worker-stderr', { ...label, pid: spawned.pid, line });
    });
    if (spawned.pid === undefined) return;
    const looping = status.state === 'crash-looping';
    status = {
      ...status,
      state: looping ? 'crash-looping' : 'running',
      pid: spawned.pid,
      startedAt: timestamp(clock),
    };
    log.info('worker-started', { ...label, pid: spawned.pid, restarts: status.restarts });
    onChange();
  };

  start();
  return {
    // A process in a crash loop counts as running again only after it has shown that it can.
    status: () => {
      const { state, startedAt } = status;
      if (state !== 'crash-looping' || startedAt === undefined || child === undefined) return status;
      return clock.now() - Date.parse(startedAt) >= steadyMs ? { ...status, state: 'running' } : status;
    },
    stop: () =>
      new Promise((resolve) => {
        clearTimeout(retry);
        const running = child;
        if (running === undefined) {
          status = { ...status, state: 'stopped' };
          resolve();
          return;
        }
        const kill = setTimeout(() => {
          log.warn('worker-killed', { ...label, pid: running.pid });
          running.kill('SIGKILL');
        }, options.stopGraceMs ?? STOP_GRACE_MS);
        stopped = () => {
          clearTimeout(kill);
          resolve();
        };
        running.kill('SIGTERM');
      }),
  };
}
