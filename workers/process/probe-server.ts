import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { bind } from './bind.ts';
import { closeOnAbort } from './close-on-abort.ts';
import type { FactsBoard } from './facts-board.ts';
import { HTTP_TIMEOUTS } from './http-timeouts.ts';
import type { ListenAddress } from './listen-address.ts';

/** Anybody in the cluster can connect, and nobody needs more. */
const CONNECTIONS = 64;

export interface ProbePages {
  board: Pick<FactsBoard, 'group'>;
  registry: Registry;
}

/**
 * Serves `/healthz`, `/readyz` and `/metrics` in clear text to the kubelet and to Prometheus until `signal` aborts. No
 * facts and no tests are here: those are the operator's alone.
 *
 * @returns the port
 * @throws FaultError ListenFailed
 */
export async function startProbeServer(listen: ListenAddress, pages: ProbePages, signal: AbortSignal): Promise<number> {
  const server = createServer(HTTP_TIMEOUTS, (request, response) => {
    const answered = answerProbe(pages, request, response);
    if (!answered) response.writeHead(404).end('no such page\n');
  });
  server.maxConnections = CONNECTIONS;
  const port = await bind(server, listen, 'The server of probes');
  closeOnAbort(server, signal);
  return port;
}

/**
 * Answers a probe. `/healthz` is answered by the event loop alone, whatever the disk does: to start a process again mends
 * no disk. `/readyz` is 200 while the group's configuration is served, the listener is up, the archive can be written and
 * the worker is not stopping.
 *
 * @returns false where it asks for another page, which is then not answered
 */
export function answerProbe(
  { board, registry }: ProbePages,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  switch (`${request.method} ${request.url?.split('?')[0]}`) {
    case 'GET /healthz':
      response.end('ok\n');
      return true;
    case 'GET /readyz': {
      const { ready, fault, revision } = board.group;
      const text = ready ? 'ready' : (fault?.message ?? (revision === undefined ? 'not yet configured' : 'stopping'));
      response.writeHead(ready ? 200 : 503).end(`${text}\n`);
      return true;
    }
    case 'GET /metrics':
      registry.metrics().then(
        (text) => response.setHeader('content-type', registry.contentType).end(text),
        () => response.writeHead(500).end('a metric cannot be read\n'),
      );
      return true;
    default:
      return false;
  }
}
