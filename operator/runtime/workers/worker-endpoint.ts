import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { WorkerCallError } from './worker-call-error.ts';

/** Where a worker answers: a Unix socket on the same machine, or mutual TLS over the network. */
export type WorkerEndpoint =
  | { socketPath: string }
  | {
      /** IP address of the pod. */
      host: string;
      port: number;
      /** Asked at each call, so that renewed keys are used from the next one on. */
      tls: () => WorkerTls;
    };

/** PEM texts: who may have signed the worker's certificate, what the operator shows, and the name that the worker must have. */
export interface WorkerTls {
  ca: string;
  cert: string;
  key: string;
  servername: string;
}

export interface WorkerCalls extends Disposable {
  /** The endpoint in words. */
  readonly where: string;
  /**
   * Sends a request and resolves at the head of the answer, whose body the caller reads to its end. Rejects with the
   * error of Node as it comes.
   */
  open(method: 'GET' | 'POST', path: string, signal: AbortSignal, body?: string): Promise<IncomingMessage>;
}

/** A long poll, a test or two, and metrics. */
const MOST_SOCKETS = 8;
const LARGEST_ANSWER = 256 * 1024 * 1024;
const LONGEST_LINE = 1024 * 1024;

/** Calls of one worker. Over TLS they share connections, since a handshake costs both sides more than the call itself. */
export function workerCalls(endpoint: WorkerEndpoint): WorkerCalls {
  if ('socketPath' in endpoint) {
    const { socketPath } = endpoint;
    return {
      where: socketPath,
      open: (method, path, signal, body) => send(httpRequest({ socketPath, method, path, signal, agent: false }), body),
      // Each call has a connection of its own, and ends with it.
      [Symbol.dispose]: () => undefined,
    };
  }
  const { host, port, tls } = endpoint;
  // The agent keeps the connections of other keys apart, so that renewed ones are shown on a new connection.
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_SOCKETS, minVersion: 'TLSv1.3' });
  const ask: WorkerCalls['open'] = async (method, path, signal, body) => {
    const asked = httpsRequest({ host, port, method, path, signal, agent, ...tls() });
    try {
      return await send(asked, body);
    } catch (error) {
      // The worker ended the idle connection while we wrote. Whatever it read of it, it may be asked twice.
      const wasIdle = asked.reusedSocket && error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
      if (wasIdle && !signal.aborted) return await ask(method, path, signal, body);
      throw error;
    }
  };
  return {
    where: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    open: ask,
    [Symbol.dispose]: () => agent.destroy(),
  };
}

/** The whole body of an answer with status 200. */
export async function readAnswer(response: IncomingMessage, where: string): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LARGEST_ANSWER) throw new WorkerCallError('UnexpectedAnswer', `The answer of ${where} is too large.`);
    chunks.push(chunk);
  }
  expectOk(response, where);
  return Buffer.concat(chunks).toString('utf8');
}

/** The lines of an answer with status 200, as they come. Ending the iteration early ends the request. */
export async function* readLines(response: IncomingMessage, where: string): AsyncGenerator<string> {
  let rest = '';
  // Not node:readline, which tells its reader nothing of a stream that broke off.
  for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
    expectOk(response, where);
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LONGEST_LINE) throw new WorkerCallError('UnexpectedAnswer', `A line of ${where} is too long.`);
    yield* lines;
  }
  expectOk(response, where);
  if (rest !== '') yield rest;
}

function expectOk({ statusCode }: IncomingMessage, where: string): void {
  if (statusCode === 200) return;
  throw new WorkerCallError('UnexpectedAnswer', `The worker at ${where} answered with the HTTP status ${statusCode}.`);
}

function send(asked: ClientRequest, body: string | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asked.once('response', resolve);
    // Also after the answer has begun: its reader is told by the stream.
    asked.on('error', reject);
    asked.end(body);
  });
}
