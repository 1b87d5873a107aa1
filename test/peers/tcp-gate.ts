import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A port of 127.0.0.1 that leads to another one, until it is shut. */
export interface TcpGate extends AsyncDisposable {
  readonly port: number;
  /** Resets what is connected, and refuses what comes. */
  shut(): void;
  open(): void;
}

/** @param port of 127.0.0.1, where it leads to */
export async function tcpGate(port: number): Promise<TcpGate> {
  const sockets = new Set<Socket>();
  let isOpen = true;
  const server = createServer((near) => {
    if (!isOpen) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      // A reset on one side is one on the other.
      socket.once('error', () => other.destroy());
      socket.once('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const shut = (): void => {
    isOpen = false;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: address.port,
    shut,
    open: () => {
      isOpen = true;
    },
    [Symbol.asyncDispose]: async () => {
      shut();
      server.close();
      await once(server, 'close');
    },
  };
}
