import { connect, isIP, type Socket } from 'node:net';
import { FaultError } from '../process/fault-error.ts';
import type { Egress } from './egress.ts';
import { faultOf } from './faults.ts';
import type { Resolve } from './resolve.ts';
import type { Stages } from './stages.ts';

export interface DialOptions {
  host: string;
  port: number;
  egress: Egress;
  resolve: Resolve;
  timeouts: { resolveMs: number; connectMs: number };
  signal: AbortSignal;
}

/**
 * Passes the stages `resolve` and `connect`. We resolve ourselves, so that the address that egress rules are checked on
 * is the address that is dialled; a second look-up could give another one.
 *
 * @throws FaultError DNSFailed | EgressDenied | ConnectionRefused | ConnectionFailed
 */
export async function dial(options: DialOptions, stages: Stages): Promise<Socket> {
  const { host, port, egress, timeouts, signal } = options;
  stages.begin('resolve');
  const addresses = isIP(host) ? [host] : await resolved(options);
  stages.pass(addresses.join(', '));

  stages.begin('connect');
  const allowed = addresses.filter(egress);
  if (allowed.length === 0) {
    throw new FaultError(
      'EgressDenied',
      'never',
      `${host} is ${addresses.join(', ')}, which this gateway does not let connections dial to (egress).`,
    );
  }
  let failed: unknown;
  for (const address of allowed) {
    try {
      const socket = await connected(address, port, timeouts.connectMs, signal);
      stages.pass(`${address} port ${port}`);
      return socket;
    } catch (error) {
      signal.throwIfAborted();
      failed = error;
    }
  }
  throw faultOf(failed, { stage: 'connect', host, port });
}

async function resolved({ host, port, resolve, timeouts, signal }: DialOptions): Promise<string[]> {
  const timeout = AbortSignal.timeout(timeouts.resolveMs);
  const ended = AbortSignal.any([timeout, signal]);
  try {
    // A look-up cannot be called off; we stop waiting for it.
    const stop = new Promise<never>((_, reject) => {
      ended.addEventListener('abort', () => reject(ended.reason), { once: true });
    });
    const addresses = await Promise.race([resolve(host), stop]);
    if (addresses.length === 0) throw new FaultError('DNSFailed', 'later', `${host} has no address.`);
    return addresses;
  } catch (error) {
    signal.throwIfAborted();
    throw faultOf(error, { stage: 'resolve', host, port });
  }
}

function connected(host: string, port: number, ms: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    const end = (error?: unknown): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stopped);
      socket.removeListener('error', end);
      if (error === undefined) {
        resolve(socket);
        return;
      }
      // What comes after is of no interest, but an error that nobody hears ends the process.
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const stopped = (): void => end(signal.reason);
    const timer = setTimeout(() => end(new DOMException('no answer', 'TimeoutError')), ms);
    signal.addEventListener('abort', stopped, { once: true });
    socket.once('connect', () => end());
    socket.once('error', end);
  });
}
