import { rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { Attempt, StageResult, TestEvent, TestRequest } from './contract.ts';
import type { FactsBoard } from './facts-board.ts';
import { toFaultError } from './fault-error.ts';

/** Counters ride along with an answer that was held for nothing, so a caller is never further behind than this. */
const LONGEST_WAIT_MS = 30_000;
const REQUEST_BYTES = 16 * 1024;
/** How long a test waits until the configuration that it is to use is served. */
const SERVED_WITHIN_MS = 10_000;

export interface StatusServerOptions {
  /** Path of a Unix socket (its folder's permissions are the access control), or a loopback port. */
  listen: string | number;
  board: FactsBoard;
  registry: Registry;
  /** Runs a test of a connection now, on a new session, telling each stage as it ends. */
  test: (uid: string, emit: (stage: StageResult) => void, signal: AbortSignal) => Promise<Attempt>;
  signal: AbortSignal;
}

/**
 * Serves `GET /status`, `POST /test`, `GET /metrics`, `GET /healthz` and `GET /readyz` of one worker process to the
 * operator, until `signal` aborts.
 *
 * @returns when it listens: the port, or 0 for a socket
 */
export async function startStatusServer(options: StatusServerOptions): Promise<number> {
  const { listen, signal } = options;
  if (typeof listen === 'string') await rm(listen, { force: true });
  const server = createServer((request, response) => {
    handle(options, request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(`${toFaultError(error).message}\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    if (typeof listen === 'string') server.listen(listen, resolve);
    else server.listen(listen, '127.0.0.1', resolve);
  });
  signal.addEventListener(
    'abort',
    () => {
      server.close();
      server.closeAllConnections();
    },
    { once: true },
  );
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function handle(options: StatusServerOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { board, registry } = options;
  const url = new URL(request.url ?? '/', 'http://worker');
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /status': {
      const epoch = url.searchParams.get('epoch') ?? undefined;
      const since = Number(url.searchParams.get('since') ?? 0);
      const wait = Math.min(Number(url.searchParams.get('wait') ?? 0) || 0, LONGEST_WAIT_MS);
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      if (wait > 0) await board.changed(epoch, since, wait, AbortSignal.any([gone.signal, options.signal]));
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(board.answer(epoch, since)));
      return;
    }
    case 'POST /test':
      await streamTest(options, request, response);
      return;
    case 'GET /metrics':
      response.setHeader('content-type', registry.contentType);
      response.end(await registry.metrics());
      return;
    case 'GET /healthz':
      response.end('ok\n');
      return;
    case 'GET /readyz':
      response.writeHead(board.group.ready ? 200 : 503);
      response.end(`${board.group.fault?.message ?? (board.group.ready ? 'ready' : 'not yet configured')}\n`);
      return;
    default:
      response.writeHead(404);
      response.end('no such page\n');
  }
}

async function streamTest(
  { board, test, signal }: StatusServerOptions,
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
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const ended = AbortSignal.any([gone.signal, signal]);
  if (!(await servedWithin(board, uid, revision, SERVED_WITHIN_MS, ended))) {
    emit({ type: 'refused', message: 'The worker does not serve this version of the connection yet; try again.' });
    response.end();
    return;
  }
  const attempt = await test(uid, (stage) => emit({ type: 'stage', stage }), ended);
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
