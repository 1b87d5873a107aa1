import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type Clock, timestamp } from '../process/clock.ts';
import type { Attempt, Certificate, FaultCode, ReceiverConnection, Stage, StageResult } from '../process/contract.ts';
import { FaultError, printable, toFaultError } from '../process/fault-error.ts';
import { readReplies, type ServerReply } from './reply-reader.ts';
import { selfTestName } from './self-test-token.ts';
import { certificateProblem, isLeafOf } from './shown-certificate.ts';

/** Where a self-test goes and what it must find there. */
export interface SelfTestTarget {
  dial: { address: string; port: number };
  hostName: string;
  journalDomain: string;
  certificate: Certificate;
  /** Base64 of the key of the token in EHLO. */
  key: string;
}

export interface SelfTestOptions {
  target: SelfTestTarget;
  entry: ReceiverConnection;
  trigger: Attempt['trigger'];
  clock: Clock;
  /** Called with each stage as it ends. */
  emit: (stage: StageResult) => void;
  signal: AbortSignal;
  /** How long one stage may take. */
  stageMs?: number;
}

/**
 * Does what a sender would do, up to RCPT for the connection's address, on a new session: proves that the listener, its
 * certificate and the address are in place. A token in EHLO makes the session exempt from sender ranges and Disabled.
 *
 * @returns the finished attempt, failed or not; it never throws
 */
export async function runSelfTest(options: SelfTestOptions): Promise<Attempt> {
  const { entry, trigger, clock, emit, signal } = options;
  const { stageMs = 10_000 } = options;
  const startedAt = timestamp(clock);
  const stages: StageResult[] = [];
  const finish = (fault?: FaultError): Attempt => ({
    kind: 'test',
    trigger,
    revision: entry.revision,
    startedAt,
    endedAt: timestamp(clock),
    stages,
    ...(fault !== undefined && { fault: fault.toFault() }),
  });
  const pass = (result: StageResult): void => {
    stages.push(result);
    emit(result);
  };
  const sockets: Socket[] = [];
  let fault: FaultError | undefined;
  /** Runs one stage within its time; true where it passed. */
  const stage = async (name: Stage, step: (signal: AbortSignal) => Promise<string>): Promise<boolean> => {
    const begun = clock.monotonic();
    const late = AbortSignal.timeout(stageMs);
    const result = (ok: boolean, text: string): StageResult => ({
      stage: name,
      ok,
      ms: Math.round(clock.monotonic() - begun),
      text,
    });
    try {
      pass(result(true, await step(AbortSignal.any([signal, late]))));
      return true;
    } catch (error) {
      fault = late.aborted
        ? new FaultError('ConnectionFailed', 'later', `The receiver did not answer within ${stageMs / 1000} s.`)
        : toFaultError(error);
      pass(result(false, fault.serverText ?? fault.message));
      return false;
    }
  };
  try {
    const done = await walk(options, stage, sockets);
    return finish(done ? undefined : fault);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

type RunStage = (name: Stage, step: (signal: AbortSignal) => Promise<string>) => Promise<boolean>;

async function walk({ target, entry, clock }: SelfTestOptions, stage: RunStage, sockets: Socket[]): Promise<boolean> {
  const { dial, hostName, key, journalDomain } = target;
  let address = dial.address;
  let raw: Socket;
  let secure: TLSSocket;
  let replies: ReturnType<typeof readReplies>;
  const say = async (line: string, wanted: number, code: FaultCode, signal: AbortSignal): Promise<ServerReply> => {
    (secure ?? raw).write(`${line}\r\n`);
    return expect(await replies.next(signal), wanted, code, line);
  };

  return (
    (await stage('resolve', async () => {
      address = await resolve(dial.address);
      return address;
    })) &&
    (await stage('connect', async (signal) => {
      raw = connectTcp({ host: address, port: dial.port, noDelay: true });
      sockets.push(raw);
      await connected(raw, 'connect', `${address}:${dial.port}`, signal);
      return `connected to ${address}:${dial.port}`;
    })) &&
    (await stage('greet', async (signal) => {
      replies = readReplies(raw);
      const greeting = expect(await replies.next(signal), 220, 'ServerRefused', 'the connection');
      const { lines } = await say('EHLO self-test.invalid', 250, 'ServerRefused', signal);
      if (!lines.some((line) => line.slice(4).toUpperCase() === 'STARTTLS')) {
        throw new FaultError(
          'TLSFailed',
          'later',
          'The receiver does not offer STARTTLS: its certificate is unusable.',
        );
      }
      return printable(greeting.lines[0] ?? '');
    })) &&
    (await stage('tls', async (signal) => {
      await say('STARTTLS', 220, 'TLSFailed', signal);
      replies.release();
      const secured = await secureSocket(raw, target, signal);
      secure = secured.socket;
      sockets.push(secure);
      replies = readReplies(secure);
      return `${secure.getProtocol()}, certificate for ${hostName} valid until ${secured.validTo}`;
    })) &&
    (await stage('recipient', async (signal) => {
      const recipient = `${entry.localParts[0] ?? ''}@${journalDomain}`;
      await say(`EHLO ${selfTestName(key, hostName, clock)}`, 250, 'ServerRefused', signal);
      await say('MAIL FROM:<>', 250, 'ServerRefused', signal);
      const { lines } = await say(`RCPT TO:<${recipient}>`, 250, 'AddressNotServed', signal);
      await say('RSET', 250, 'ServerRefused', signal);
      secure.end('QUIT\r\n');
      const state = entry.state === 'Disabled' ? '; the connection is disabled, and was tested from inside' : '';
      return `${recipient}: ${printable(lines[0] ?? '')}${state}`;
    }))
  );
}

async function resolve(host: string): Promise<string> {
  if (isIP(host) !== 0) return host;
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw new FaultError('DNSFailed', 'later', `${host} cannot be resolved.`, { cause: error });
  }
}

async function connected(socket: Socket, event: string, where: string, signal: AbortSignal): Promise<void> {
  try {
    await once(socket, event, { signal });
  } catch (error) {
    // Aborting leaves no listener behind, and the socket may still fail.
    socket.on('error', () => socket.destroy());
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ECONNREFUSED') {
      throw new FaultError('ConnectionRefused', 'later', `${where} refuses connections.`, { cause: error });
    }
    throw new FaultError('ConnectionFailed', 'later', `${where} cannot be reached (${String(code)}).`, {
      cause: error,
    });
  }
}

async function secureSocket(
  raw: Socket,
  target: SelfTestTarget,
  signal: AbortSignal,
): Promise<{ socket: TLSSocket; validTo: string }> {
  const { hostName, certificate } = target;
  const ca = certificate.issuedByUs ? certificate.certificate : certificate.caBundle;
  const socket = connectTls({
    socket: raw,
    servername: hostName,
    minVersion: 'TLSv1.2',
    // Judged below, to tell what is wrong with the certificate from a failed handshake.
    rejectUnauthorized: false,
    ...(ca !== undefined && { ca }),
  });
  try {
    await once(socket, 'secureConnect', { signal });
  } catch (error) {
    socket.on('error', () => socket.destroy());
    const text = error instanceof Error ? error.message : '';
    throw new FaultError('TLSFailed', 'later', 'The TLS handshake failed.', { serverText: text, cause: error });
  }
  // Once only: Node 24 gives the certificate to the first who asks, and undefined afterwards.
  const leaf = socket.getPeerX509Certificate();
  const problem = certificateProblem(socket, leaf, hostName, certificate);
  if (problem !== undefined) {
    socket.on('error', () => socket.destroy());
    socket.destroy();
    if (leaf !== undefined && !isLeafOf(leaf, certificate)) {
      throw new FaultError(
        'TLSVerificationFailed',
        'later',
        `${target.dial.address} shows another certificate for ${hostName} than the one that is configured, as a receiver does that does not have the new one yet: ${problem}.`,
      );
    }
    throw new FaultError(
      'TLSVerificationFailed',
      'never',
      `The certificate for ${hostName} does not verify: ${problem}.`,
    );
  }
  return { socket, validTo: leaf?.validTo ?? 'an unknown time' };
}

function expect(reply: ServerReply, wanted: number, code: FaultCode, what: string): ServerReply {
  if (reply.code === wanted) return reply;
  const serverText = printable(reply.lines[0] ?? '');
  // 5xx too: configuration may still be on its way.
  throw new FaultError(code, 'later', `The receiver answered ${what.split(' ')[0]} with "${serverText}".`, {
    serverText,
  });
}
