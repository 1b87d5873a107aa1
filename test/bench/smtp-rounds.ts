import { cpuOf, machineCpu } from './process-cpu.ts';
import type { LoadGenerator, LoadResult } from './smtp-load.ts';
import { turned } from './statistics.ts';

/** A server that takes mail, to be measured beside others. */
export interface SmtpPeer {
  name: string;
  port: number;
  certificate: string;
  serverName: string;
  recipient: string;
  /** Its process, whose children count with it. */
  pid: number;
}

export interface SmtpCase {
  name: string;
  messageBytes: number;
  connections: number;
  pipelining: boolean;
  warmupMs: number;
  measureMs: number;
}

export interface SmtpRun {
  case: SmtpCase;
  peer: string;
  round: number;
  run: number;
  result: LoadResult;
  /** CPU of the server for each message, in microseconds; undefined where it cannot be seen. */
  serverMicroseconds: number | undefined;
  /** Cores that neither the server nor the generator used, but others on this machine: what disturbs the run. */
  otherCores: number | undefined;
}

/**
 * Sends to each peer in turn, round by round; the order turns with the rounds.
 *
 * @param firstRun number of the first run, which must be new: it stands in the ids of its messages
 */
export async function runSmtpRounds(
  generator: LoadGenerator,
  peers: readonly SmtpPeer[],
  smtpCase: SmtpCase,
  rounds: number,
  firstRun: number,
  onRun: (run: SmtpRun) => void,
): Promise<SmtpRun[]> {
  const runs: SmtpRun[] = [];
  for (let round = 0; round < rounds; round += 1) {
    for (const peer of turned(peers, round)) {
      const run = await runOne(generator, peer, smtpCase, round, firstRun + runs.length);
      runs.push(run);
      onRun(run);
    }
  }
  return runs;
}

async function runOne(
  generator: LoadGenerator,
  { name, port, certificate, serverName, recipient, pid }: SmtpPeer,
  smtpCase: SmtpCase,
  round: number,
  run: number,
): Promise<SmtpRun> {
  const { messageBytes, connections, pipelining, warmupMs, measureMs } = smtpCase;
  const looks: Promise<Look>[] = [];
  const result = await generator.run({
    host: '127.0.0.1',
    port,
    certificate,
    serverName,
    recipient,
    messageBytes,
    pipelining,
    run,
    connections,
    warmupMs,
    measureMs,
    onMeasure: () => looks.push(look(pid)),
  });
  const [before, after] = await Promise.all(looks);
  return { case: smtpCase, peer: name, round, run, result, ...costs(result, before, after) };
}

/** Sends to one peer for so long, unmeasured: a server that has run for days has its code compiled. */
export function warmUp(
  generator: LoadGenerator,
  peer: SmtpPeer,
  smtpCase: SmtpCase,
  ms: number,
  run: number,
): Promise<SmtpRun> {
  return runOne(generator, peer, { ...smtpCase, warmupMs: 0, measureMs: ms }, -1, run);
}

interface Look {
  at: number;
  server: number | undefined;
  machine: number | undefined;
}

async function look(pid: number): Promise<Look> {
  const [server, machine] = await Promise.all([cpuOf(pid), machineCpu()]);
  return { at: performance.now(), server, machine };
}

function costs(
  result: LoadResult,
  before: Look | undefined,
  after: Look | undefined,
): Pick<SmtpRun, 'serverMicroseconds' | 'otherCores'> {
  if (before?.server === undefined || after?.server === undefined) {
    return { serverMicroseconds: undefined, otherCores: undefined };
  }
  const server = after.server - before.server;
  const machine = (after.machine ?? 0) - (before.machine ?? 0);
  return {
    serverMicroseconds: (server * 1000) / result.measured,
    otherCores: Math.max(0, (machine - server) / (after.at - before.at) - result.cores),
  };
}
