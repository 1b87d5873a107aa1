import { createServer, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { bind } from '../process/bind.ts';
import { type Connection, openConnection } from './connection.ts';
import { peerAddress } from './ranges.ts';
import type { SessionServices } from './session-services.ts';
import { SWEEP_MS } from './timeouts.ts';

export interface Listener {
  /** The port that it listens on. */
  readonly port: number;
  /** Accepts nothing more; open sessions go on. */
  close(): void;
}

/** All open sessions, over every listener that accepted them, and the one timer that watches their deadlines. */
export interface Connections {
  readonly size: number;
  /** @throws FaultError ListenFailed */
  listen(address: string, port: number): Promise<Listener>;
  /** Ends idle sessions with 421, lets messages on their way finish, at the latest when `signal` aborts. */
  drain(signal: AbortSignal): Promise<void>;
}

export interface ConnectionsOptions {
  services: SessionServices;
  secureContext: () => SecureContext | undefined;
  sweepMs?: number;
}

const BACKLOG = 1_024;
/** How long a refused peer may take to read why. */
const REFUSED_FOR_MS = 2_000;

export function createConnections({ services, secureContext, sweepMs = SWEEP_MS }: ConnectionsOptions): Connections {
  const open = new Set<Connection>();
  let draining = false;
  let onEmpty: () => void = () => undefined;
  const sweep = setInterval(() => {
    const now = services.clock.monotonic();
    for (const { session } of open) session.sweep(now);
  }, sweepMs);
  // The listener keeps the process alive, not this.
  sweep.unref();

  const accept = (socket: Socket): void => {
    const peer = peerAddress(socket.remoteAddress ?? '').address;
    const refusal = services.limits.enter(peer);
    if (refusal !== undefined) {
      services.refused(refusal);
      socket.on('error', () => socket.destroy());
      socket.setTimeout(REFUSED_FOR_MS, () => socket.destroy());
      socket.resume();
      socket.end(refusal.line);
      return;
    }
    const connection = openConnection(socket, {
      services,
      secureContext,
      onClose: () => {
        if (connection !== undefined) open.delete(connection);
        if (open.size === 0) onEmpty();
      },
    });
    if (connection === undefined) {
      services.limits.leavePeer(peer);
      services.limits.leave();
      return;
    }
    open.add(connection);
    if (draining) connection.session.shutdown();
  };

  return {
    get size() {
      return open.size;
    },
    listen: async (address, port) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
      const bound = await bind(server, { kind: 'tcp', address, port }, 'The receiver', BACKLOG);
      // Accepting failed, out of descriptors for example; the next one is tried anyway.
      server.on('error', (error: NodeJS.ErrnoException) =>
        services.logger.error('accept-failed', { error: error.code }),
      );
      return { port: bound, close: () => server.close() };
    },
    drain: async (signal) => {
      draining = true;
      for (const { session } of open) session.shutdown();
      if (open.size > 0) {
        await new Promise<void>((resolve) => {
          onEmpty = resolve;
          const cut = (): void => {
            for (const connection of open) connection.destroy();
          };
          if (signal.aborted) cut();
          else signal.addEventListener('abort', cut, { once: true });
        });
      }
      clearInterval(sweep);
    },
  };
}
