import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { ApiError } from './api-error.ts';
import { printable } from './server-answer.ts';

/** How many calls are on their way at once; others wait their turn within their deadlines. */
const CONNECTIONS = 8;
/** One watch takes a connection for minutes. More than any set of kinds and namespaces that one process watches. */
const STREAMS = 256;
const CONNECT_MS = 5_000;
/** Go's server closes after 90 s without a request, and load balancers after 60: stay below. */
const KEEP_ALIVE_MS = 50_000;

/** Where to send a call now, and as whom. */
export interface Connection {
  /** Without a slash at the end; may hold a path, where a proxy serves several clusters. */
  server: string;
  headers: Record<string, string>;
  /** For calls that answer at once. */
  calls: Dispatcher;
  /** For watches, so that these never take a connection from a call. */
  streams: Dispatcher;
}

export interface Connections extends AsyncDisposable {
  /**
   * Reads tokens, certificates and the CA anew, as far as client-node does (a token file once a minute).
   *
   * @throws ApiError CredentialsUnavailable
   */
  current(): Promise<Connection>;
}

type Tls = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>;

interface Pair {
  key: string;
  calls: Dispatcher;
  streams: Dispatcher;
}

/**
 * Pools of connections to the current context's server. They are replaced when the CA, the client certificate or the
 * server's name changes; what is under way on the old ones ends in its own time.
 */
export function openConnections(kubeConfig: KubeConfig): Connections {
  let pair: Pair | undefined;
  let asking: Promise<Connection> | undefined;
  const retired = new Set<Dispatcher>();

  const retire = (dispatcher: Dispatcher): void => {
    retired.add(dispatcher);
    const forget = (): void => void retired.delete(dispatcher);
    // A pool that was destroyed meanwhile rejects; there is nothing more to close then.
    dispatcher.close().then(forget, forget);
  };
  const ask = async (): Promise<Connection> => {
    const cluster = kubeConfig.getCurrentCluster();
    if (cluster === null) throw new ApiError('CredentialsUnavailable', 'The kubeconfig names no current cluster.');
    const { tls, headers } = await identityOf(kubeConfig);
    const key = fingerprint([
      cluster.server,
      cluster.proxyUrl,
      tls.ca,
      tls.cert,
      tls.key,
      tls.servername,
      tls.rejectUnauthorized,
    ]);
    if (pair?.key !== key) {
      const before = pair;
      pair = {
        key,
        calls: openPool(CONNECTIONS, tls, cluster.proxyUrl),
        streams: openPool(STREAMS, tls, cluster.proxyUrl),
      };
      if (before !== undefined) [before.calls, before.streams].forEach(retire);
    }
    return { server: cluster.server.replace(/\/+$/, ''), headers, calls: pair.calls, streams: pair.streams };
  };

  return {
    // Calls that come together share one answer: a credential plugin is a process, and client-node would start one for each.
    current: () => {
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return asking;
    },
    [Symbol.asyncDispose]: async () => {
      const open = [...retired, ...(pair === undefined ? [] : [pair.calls, pair.streams])];
      pair = undefined;
      await Promise.all(open.map((dispatcher) => dispatcher.destroy()));
    },
  };
}

async function identityOf(kubeConfig: KubeConfig): Promise<{ tls: Tls; headers: Record<string, string> }> {
  const options: RequestOptions = {};
  try {
    // Its other way, applySecurityAuthentication, opens a new pool of connections at each call.
    await kubeConfig.applyToHTTPSOptions(options);
  } catch (error) {
    const words = error instanceof Error ? printable(error.message) : '';
    throw new ApiError('CredentialsUnavailable', `The credentials for the API server cannot be had: ${words}`, {
      cause: error,
    });
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // A token file may end with a line feed, which no header can hold.
    if (typeof value === 'string') headers[name.toLowerCase()] = value.trim();
  }
  if (typeof options.auth === 'string') headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  const { ca, cert, key, servername, rejectUnauthorized } = options;
  return { tls: defined({ ca, cert, key, servername, rejectUnauthorized }), headers };
}

function openPool(connections: number, tls: Tls, proxyUrl: string | undefined): Dispatcher {
  const options = {
    connections,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // With HTTP/2 all calls would share one connection, and a dead one would take all of them with it until TCP gives up.
    allowH2: false,
    // Deadlines are the caller's: a watch is silent for minutes, and a call has one for the whole of it.
    headersTimeout: 0,
    bodyTimeout: 0,
  };
  if (proxyUrl === undefined || proxyUrl === '') {
    return new Agent({
      ...options,
      connect: { ...tls, timeout: CONNECT_MS, keepAlive: true, keepAliveInitialDelay: 30_000 },
    });
  }
  if (!/^https?:/.test(proxyUrl)) {
    throw new ApiError(
      'CredentialsUnavailable',
      'The kubeconfig names a proxy that is neither http nor https; name one that is.',
    );
  }
  return new ProxyAgent({ ...options, uri: proxyUrl, requestTls: tls });
}

function fingerprint(parts: readonly unknown[]): string {
  const hash = createHash('sha256');
  // Key material is hashed part by part, so that it stays in as few copies as possible.
  for (const part of parts) hash.update(Buffer.isBuffer(part) ? part : `${part ?? ''}`).update('\0');
  return hash.digest('base64');
}

function defined<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, it]) => it !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
