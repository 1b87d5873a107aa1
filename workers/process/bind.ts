import type { Server } from 'node:net';
import { FaultError } from './fault-error.ts';
import { addressText, type ListenAddress } from './listen-address.ts';

/** Errors of a kernel without IPv6: it was left out (`ipv6.disable=1`), or no interface has an address of it. */
const NO_IPV6: readonly unknown[] = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];

/**
 * Listens, and on `::` also for IPv4; where the kernel has no IPv6, on 0.0.0.0 instead.
 *
 * @param who begins the sentence of the fault, such as "The receiver"
 * @returns the port, 0 for a socket
 * @throws FaultError ListenFailed
 */
export async function bind(server: Server, at: ListenAddress, who: string, backlog = 511): Promise<number> {
  try {
    if (at.kind === 'socket') await listening(server, { path: at.path });
    else await listening(server, { host: at.address, port: at.port, backlog });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (at.kind === 'tcp' && at.address === '::' && NO_IPV6.includes(code)) {
      return bind(server, { ...at, address: '0.0.0.0' }, who, backlog);
    }
    const where = at.kind === 'socket' ? at.path : addressText(at.address, at.port);
    const why = code === 'EADDRINUSE' ? 'it is in use' : code === 'EACCES' ? 'it is not permitted' : String(code);
    throw new FaultError('ListenFailed', 'later', `${who} cannot listen on ${where}: ${why}.`, { cause: error });
  }
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : 0;
}

function listening(server: Server, options: { path: string } | { host: string; port: number; backlog: number }) {
  return new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void => {
      server.removeListener('listening', done);
      reject(error);
    };
    const done = (): void => {
      server.removeListener('error', failed);
      resolve();
    };
    server.once('error', failed);
    server.once('listening', done);
    server.listen(options);
  });
}
