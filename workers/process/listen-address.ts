import { isIP, isIPv6 } from 'node:net';
import { FaultError } from './fault-error.ts';

/** Where a server listens. Port 0 asks for any free port. */
export type ListenAddress = { kind: 'socket'; path: string } | { kind: 'tcp'; address: string; port: number };

/**
 * Reads `8443` (on loopback), `192.0.2.1:8443`, `[::]:8443`, or the path of a Unix socket.
 *
 * @throws FaultError InvalidConfiguration where it is none of these
 */
export function parseListenAddress(text: string): ListenAddress {
  if (/^\d+$/.test(text)) return { kind: 'tcp', address: '127.0.0.1', port: portOf(text) };
  if (text.includes('/') || !text.includes(':')) return { kind: 'socket', path: text };
  const [, inBrackets, bare, port = ''] = /^(?:\[(.*)\]|([^:]*)):(\d+)$/.exec(text) ?? [];
  const address = inBrackets ?? bare ?? '';
  if (isIP(address) === 0 || isIPv6(address) !== (inBrackets !== undefined)) {
    throw new FaultError(
      'InvalidConfiguration',
      'never',
      `"${text}" is no address to listen on; write 0.0.0.0:8443, [::]:8443, a port of loopback or the path of a socket.`,
    );
  }
  return { kind: 'tcp', address, port: portOf(port) };
}

/** As it is written in a URL: IPv6 in brackets (RFC 3986 3.2.2). */
export function addressText(address: string, port: number): string {
  return isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
}

/** True where only processes of this machine, or of this pod, can connect. */
export function isLocal(at: ListenAddress): boolean {
  return at.kind === 'socket' || at.address === '::1' || at.address.startsWith('127.');
}

function portOf(digits: string): number {
  const port = Number(digits);
  if (port <= 65_535) return port;
  throw new FaultError('InvalidConfiguration', 'never', `${digits} is no port; the highest is 65535.`);
}
