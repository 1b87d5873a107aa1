import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { bind } from './bind.ts';
import { closeOnAbort } from './close-on-abort.ts';
import type { Attempt, StageResult, TestEvent, TestRequest } from './contract.ts';
import type { FactsBoard } from './facts-board.ts';
import { toFaultError } from './fault-error.ts';
import { HTTP_TIMEOUTS } from './http-timeouts.ts';
import type { ListenAddress } from './listen-address.ts';
import { operatorOnlyServer } from './operator-only.ts';
import { answerProbe } from './probe-server.ts';
import type { FollowedKeys } from './status-keys.ts';

/** Counters ride along with an answer that was held for nothing, so a caller is never further behind than this. */
const LONGEST_WAIT_MS = 30_000;
const REQUEST_BYTES = 16 * 1024;
/** How long a test waits until the configuration that it is to use is served. */
const SERVED_WITHIN_MS = 10_000;

/** Requests at once. The operator has one that waits and now and then a short one; two operators may follow each other. */
const REQUESTS = 16;
/** More than the operator ever opens: also a peer that never gets through the handshake has one meanwhile. */
const CONNECTIONS = 256;

export interface StatusServerOptions {
  /** A Unix socket (its folder's permissions are the access control), a port of loopback, or with `keys` any address. */
  listen: ListenAddress;
  /** With them only the operator is answered, over TLS. */
  keys?: FollowedKeys;
  board: FactsBoard;
  registry: Registry;
  /** Runs a test of a connection now, on a new session, telling each stage as it ends. */
  test: (uid: string, emit: (stage: StageResult) => void, signal: AbortSignal) => Promise<Attempt>;
  signal: AbortSignal;
}

/**
 * Serves `GET /status`, `POST /test`, and the pages of probes, of one worker process to the operator, until `signal`
 * aborts.
 *
 * @returns when it listens: the port, or 0 for a socket
 * @throws FaultError ListenFailed
 */
export async function startStatusServer(options: StatusServerOptions): Promise<number> {
  const { listen, keys, signal } = options;
  let open = 0;
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    if (answerProbe(options, request, response)) return;
    if (open >= REQUESTS) {
      response.writeHead(503, { 'retry-after': '1' }).end('too many requests at once\n');
      return;
    }
    open += 1;
    response.once('close', () => {
      open -= 1;
    });
    handle(options, request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(`${toFaultError(error).message}\n`);
    });
  };
  const server = keys === undefined ? createServer(HTTP_TIMEOUTS, answer) : operatorOnlyServer(keys, answer);
  server.maxConnections = CONNECTIONS;
  if (listen.kind === 'socket') await rm(listen.path, { force: true });
  const port = await bind(server, listen, "The server of the worker's status");
  closeOnAbort(server, signal);
  return port;
}

async function handle(options: StatusServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { board } = options;
  const url = new URL(request.url ?? '/', 'http://worker');
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /status': {
      const epoch = url.searchParams.get('epoch') ?? undefined;
      const since = Number(url.searchParams.get('since') ?? 0);
      const wait = Math.min(Number(url.searchParams.get('wait') ?? 0) || 0, LONGEST_WAIT_MS);
      if (wait > 0) await board.changed(epoch, since, wait, goneSignal(response));
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(board.answer(epoch, since)));
      return;
    }
    case 'POST /test':
      await streamTest(options, request, response);
      return;
    default:
      response.writeHead(404);
      response.end('no such page\n');
  }
}

/** Aborts when the caller is gone. */
function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}

async function streamTest(
  { board, test }: StatusServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const asked = await readRequest(request);
  if (asked === undefined) {
    response.writeHead(400);
    response.end('the body must be {"uid": ..., "revision": ...}\n');
    return;
  }
  const { uid, revision } = asked;
  response.setHeader('content-type', 'application/x-ndjson');
  const emit = (event: TestEvent): void => {
    response.write(`${JSON.stringify(event)}\n`);
  };
  const gone = goneSignal(response);
  if (!(await servedWithin(board, uid, revision, SERVED_WITHIN_MS, gone))) {
    emit({ type: 'refused', message: 'The worker does not serve this version of the connection yet; try again.' });
    response.end();
    return;
  }
  const attempt = await test(uid, (stage) => emit({ type: 'stage', stage }), gone);
  emit({ type: 'end', attempt });
  response.end();
}

async function servedWithin(
  board: FactsBoard,
  uid: string,
  revision: string,
  ms: number,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = performance.now() + ms;
  while (board.get(uid)?.facts.revision !== revision) {
    const left = deadline - performance.now();
    if (left <= 0 || signal.aborted) return false;
    await board.changed(board.epoch, board.answer(board.epoch, Number.MAX_SAFE_INTEGER).change, left, signal);
  }
  return true;
}

/** The request, or undefined where the body is too large or something else. */
async function readRequest(request: IncomingMessage): Promise<TestRequest | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    // Read to the end all the same: a connection that is cut shows the asker no answer.
    if (length <= REQUEST_BYTES) chunks.push(chunk);
  }
  if (length > REQUEST_BYTES) return undefined;
  try {
    const value = JSON.parse(Buffer.concat(chunks).toString('utf8')) as Partial<TestRequest> | null;
    if (typeof value?.uid !== 'string' || typeof value.revision !== 'string') return undefined;
    return { uid: value.uid, revision: value.revision };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
