import { createServer, type Server } from 'node:http';

export interface OperatorPages {
  /** Undefined where all is well, else why the operator is not ready. */
  notReady(): string | undefined;
  metrics(): Promise<string>;
}

/** `host`: an IP address or a name; `::` is every address of the machine. */
export interface ListenAddress {
  host: string;
  port: number;
}

/**
 * Serves `/healthz` and `/readyz` at one address and `/metrics` at another, until it is disposed of.
 *
 * `/healthz` says that this process turns, and nothing of the world: a restart would mend nothing of that.
 *
 * @throws the error of Node where it cannot listen
 */
export async function serveOperatorPages(
  pages: OperatorPages,
  probes: ListenAddress,
  metrics: ListenAddress,
): Promise<AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  opened.defer(
    await listen(
      createServer((request, response) => {
        switch (request.url) {
          case '/healthz':
            response.end('ok\n');
            return;
          case '/readyz': {
            const fault = pages.notReady();
            response.writeHead(fault === undefined ? 200 : 503).end(`${fault ?? 'ready'}\n`);
            return;
          }
          default:
            response.writeHead(404).end('There are /healthz and /readyz.\n');
        }
      }),
      probes,
    ),
  );
  opened.defer(
    await listen(
      createServer((request, response) => {
        if (request.url !== '/metrics') {
          response.writeHead(404).end('There is /metrics.\n');
          return;
        }
        pages.metrics().then(
          (text) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(text),
          (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
        );
      }),
      metrics,
    ),
  );
  return opened.move();
}

/** @returns what ends it */
async function listen(server: Server, { host, port }: ListenAddress): Promise<() => Promise<void>> {
  const attempt = (address: string): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, () => {
        server.off('error', reject);
        resolve();
      });
    });
  try {
    await attempt(host);
  } catch (error) {
    // `[::]` takes IPv4 too, except where the kernel has no IPv6 at all.
    if (host !== '::' || !(error instanceof Error) || !('code' in error) || error.code !== 'EAFNOSUPPORT') throw error;
    await attempt('0.0.0.0');
  }
  return () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
}
