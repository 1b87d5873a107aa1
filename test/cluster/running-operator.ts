import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../peers/free-port.ts';
import { mortal } from './program.ts';

const MAIN = join(import.meta.dirname, '../../operator/main.ts');
const READY_MS = 20_000;
const LOOK_AGAIN_MS = 20;
const SHOWN_LINES = 20;
/** Calls of the API server that change nothing. */
const READS = ['get', 'list', 'watch'];

/** One line of the operator's log. */
export interface LogLine {
  level: string;
  event: string;
  [field: string]: unknown;
}

/** The operator as a process of its own, beside the cluster that it works on. */
export interface RunningOperator extends AsyncDisposable {
  /** What it has logged so far. */
  readonly log: readonly LogLine[];
  /** What /readyz answers now. */
  readyz(): Promise<{ code: number; text: string }>;
  metrics(): Promise<string>;
  /** All calls of the API server since it was started: their number by `get secrets OK` and the like. */
  calls(): Promise<Record<string, number>>;
  /** Those among them that write. */
  writes(): Promise<Record<string, number>>;
  /** Asks it to stop, and resolves with its exit code; -1 where a signal ended it. */
  stop(): Promise<number>;
}

export interface RunningOperatorOptions {
  kubeconfig: string;
  namespace: string;
  gatewayNamespaces: readonly string[];
}

/** Resolves once /readyz says so. @throws with its last words where it does not */
export async function startOperator(options: RunningOperatorOptions): Promise<RunningOperator> {
  const probes = `127.0.0.1:${await freePort()}`;
  const metrics = `127.0.0.1:${await freePort()}`;
  const child = startProcess(options, probes, metrics);
  const log: LogLine[] = [];
  const said: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => log.push(JSON.parse(line) as LogLine));
  createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
  const exit = once(child, 'exit');

  const operator: RunningOperator = {
    log,
    readyz: async () => {
      const response = await fetch(`http://${probes}/readyz`);
      return { code: response.status, text: await response.text() };
    },
    metrics: async () => await (await fetch(`http://${metrics}/metrics`)).text(),
    calls: async () => callsIn(await operator.metrics()),
    writes: async () => Object.fromEntries(Object.entries(await operator.calls()).filter(isWrite)),
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = await exit;
      return typeof code === 'number' ? code : -1;
    },
    [Symbol.asyncDispose]: async () => {
      await operator.stop();
    },
  };

  const deadline = performance.now() + READY_MS;
  for (;;) {
    // Until it listens, the call is refused.
    const answer = await operator.readyz().catch((error: unknown) => ({ code: 0, text: String(error) }));
    if (answer.code === 200) return operator;
    if (hasEnded(child) || performance.now() > deadline) {
      await operator.stop();
      const words = [answer.text, ...said, ...log.map((line) => JSON.stringify(line))].slice(-SHOWN_LINES);
      throw new Error(`the operator did not become ready:\n${words.join('\n')}`);
    }
    await pause(LOOK_AGAIN_MS);
  }
}

function startProcess(options: RunningOperatorOptions, probes: string, metrics: string) {
  const { kubeconfig, namespace, gatewayNamespaces } = options;
  const [file = process.execPath, ...args] = mortal([
    process.execPath,
    MAIN,
    `--namespace=${namespace}`,
    `--gateway-namespaces=${gatewayNamespaces.join(',')}`,
    '--image=mailhold:none',
    '--image-pull-policy=Never',
    `--kubeconfig=${kubeconfig}`,
    `--probes=${probes}`,
    `--metrics=${metrics}`,
  ]);
  return spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } });
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** `apply deployments OK` and 2, of `rest_client_requests_total{verb="apply",resource="deployments",code="OK"} 2`. */
function callsIn(metrics: string): Record<string, number> {
  const counters = metrics.matchAll(
    /^rest_client_requests_total\{verb="([^"]*)",resource="([^"]*)",code="([^"]*)"\} (\d+)$/gm,
  );
  return Object.fromEntries(
    [...counters].map(([, verb, resource, code, count]) => [`${verb} ${resource} ${code}`, Number(count)]),
  );
}

function isWrite([call]: [call: string, count: number]): boolean {
  return !READS.some((verb) => call.startsWith(`${verb} `));
}
