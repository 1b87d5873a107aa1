import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestEvent } from '../../../workers/process/contract.ts';
import { isLoopback, refusal } from './page-access.ts';
import { StartupError } from './startup-error.ts';

const LONGEST_WAIT_MS = 60_000;
const SESSIONS = 256;

/** What the server shows and does; each call answers for this moment. */
export interface Pages {
  /** The whole status as a plain object with `change`. */
  status(): { change: number };
  /** Resolves when `change` is past `since`, at the latest after `ms`. */
  changed(since: number, ms: number, signal: AbortSignal): Promise<void>;
  /** undefined: there is no such connection. */
  test(namespace: string | undefined, name: string, signal: AbortSignal): AsyncIterable<TestEvent> | undefined;
  healthy(): { ok: boolean; text: string };
  ready(): { ok: boolean; text: string };
  metrics(signal: AbortSignal): Promise<string>;
}

export interface HttpServer extends AsyncDisposable {
  /** `http://127.0.0.1:8460`. */
  readonly url: string;
}

/**
 * Serves the status on loopback: `GET /status[?since=N&wait=MS]`, `POST /test?name=[&namespace=]` (one TestEvent per
 * line), `GET /healthz`, `/readyz` and `/metrics`.
 *
 * @param listen `ADDRESS:PORT` of a loopback address; port 0 takes a free one
 * @throws StartupError InvalidOption, HttpListenFailed
 */
export async function serveHttp(listen: string, pages: Pages): Promise<HttpServer> {
  const { address, port } = parseListen(listen);
  const closing = new AbortController();
  const server = createServer((request, response) => {
    answer(pages, request, response, closing.signal).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain; charset=utf-8' });
      response.end(`${error instanceof Error ? error.message : 'internal error'}\n`);
    });
  });
  server.maxConnections = SESSIONS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(notListening(listen, error)));
    server.listen(port, address, resolve);
  });
  const bound = server.address();
  const shown = address.includes(':') ? `[${address}]` : address;
  return {
    url: `http://${shown}:${typeof bound === 'object' && bound !== null ? bound.port : port}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        closing.abort();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  pages: Pages,
  request: IncomingMessage,
  response: ServerResponse,
  closing: AbortSignal,
): Promise<void> {
  const method = request.method ?? 'GET';
  request.resume();
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('cache-control', 'no-store');
  const refused = refusal(method, request.headers);
  if (refused !== undefined) return sendText(response, 403, refused);
  const url = new URL(request.url ?? '/', 'http://localhost');
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const signal = AbortSignal.any([gone.signal, closing]);

  switch (`${method} ${url.pathname}`) {
    case 'GET /status': {
      const wait = Math.min(wholeNumber(url, 'wait'), LONGEST_WAIT_MS);
      if (wait > 0) await pages.changed(wholeNumber(url, 'since'), wait, signal);
      response.setHeader('content-type', 'application/json');
      response.end(`${JSON.stringify(pages.status())}\n`);
      return;
    }
    case 'POST /test': {
      const name = url.searchParams.get('name');
      if (name === null || name === '')
        return sendText(response, 400, 'Name the connection: POST /test?namespace=&name=');
      const events = pages.test(url.searchParams.get('namespace') || undefined, name, signal);
      if (events === undefined)
        return sendText(response, 404, `There is no one ArchiveConnection ${name}; add namespace=.`);
      response.setHeader('content-type', 'application/x-ndjson');
      for await (const event of events) response.write(`${JSON.stringify(event)}\n`);
      response.end();
      return;
    }
    case 'GET /healthz':
      return sendCheck(response, pages.healthy());
    case 'GET /readyz':
      return sendCheck(response, pages.ready());
    case 'GET /metrics':
      response.setHeader('content-type', 'text/plain; version=0.0.4; charset=utf-8');
      response.end(await pages.metrics(signal));
      return;
    default:
      return sendText(response, 404, 'There are /status, /test (POST), /healthz, /readyz and /metrics.');
  }
}

function sendCheck(response: ServerResponse, { ok, text }: { ok: boolean; text: string }): void {
  sendText(response, ok ? 200 : 503, text);
}

function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}

/** A query parameter as a number of at least 0; what is none counts as 0. */
function wholeNumber(url: URL, name: string): number {
  const value = Number(url.searchParams.get(name));
  return Number.isFinite(value) && value > 0 ? value : 0;
}

function parseListen(listen: string): { address: string; port: number } {
  const match = /^(.*):(\d{1,5})$/.exec(listen);
  const address = match?.[1]?.replace(/^\[(.*)\]$/, '$1');
  const port = Number(match?.[2]);
  if (address === undefined || port > 65_535) {
    throw new StartupError('InvalidOption', 'never', `--http wants ADDRESS:PORT, as 127.0.0.1:8460, not ${listen}.`);
  }
  if (!isLoopback(listen)) {
    throw new StartupError(
      'InvalidOption',
      'never',
      `--http wants a loopback address, as 127.0.0.1:8460: whoever reaches this server may read every status.`,
    );
  }
  return { address, port };
}

function notListening(listen: string, error: NodeJS.ErrnoException): StartupError {
  const why = error.code === 'EADDRINUSE' ? 'another process uses this port' : (error.code ?? error.message);
  return new StartupError(
    'HttpListenFailed',
    'never',
    `Cannot serve the status on ${listen}: ${why}; choose with --http.`,
  );
}
