import type { Server } from 'node:http';

/** Ends the server and all its connections when `signal` aborts; requests that wait end with their connections. */
export function closeOnAbort(server: Pick<Server, 'close' | 'closeAllConnections'>, signal: AbortSignal): void {
  signal.addEventListener(
    'abort',
    () => {
      server.close();
      server.closeAllConnections();
    },
    { once: true },
  );
}
