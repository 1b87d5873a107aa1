import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';

/** True for `localhost`, 127.0.0.0/8 and ::1, with or without a port, as a Host header or an option has them. */
export function isLoopback(hostAndPort: string): boolean {
  const parts = /^(?:\[([^\]]+)\]|([^:]+))(?::\d*)?$/.exec(hostAndPort);
  const host = (parts?.[1] ?? parts?.[2] ?? '').toLowerCase();
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/**
 * Why a request is refused, or undefined. The server listens on loopback, but a web page in a browser on this machine
 * can reach it too: by a name of its own that resolves to 127.0.0.1 (then Host is not a loopback name), or by sending a
 * form from its own site (then Origin or Sec-Fetch-Site tells).
 */
export function refusal(method: string, headers: IncomingHttpHeaders): string | undefined {
  if (headers.host === undefined || !isLoopback(headers.host)) return 'The Host header is not a loopback name.';
  if (method === 'GET' || method === 'HEAD') return undefined;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'The request comes from another site.';
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${headers.host}`) return 'The request comes from another site.';
  return undefined;
}
