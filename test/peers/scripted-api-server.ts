import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { createAuthority, type Issued } from '../../workers/process/testing/authority.ts';

export interface ReceivedRequest {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

export type Answer = (request: ReceivedRequest, response: ServerResponse) => void;

export interface ScriptedApiServer extends AsyncDisposable {
  readonly url: string;
  /** PEM of the authority that signed the certificate. */
  readonly ca: string;
  /** How many TLS connections were made so far. */
  readonly connections: number;
  readonly requests: readonly ReceivedRequest[];
  /** How the next requests are answered. */
  answer(answer: Answer): void;
  /** Takes a certificate of a new authority, and closes what is connected. Returns the new authority's PEM. */
  renew(): Promise<string>;
  /** A new KubeConfig that leads here; `user` and `cluster` hold what is particular. */
  kubeConfig(particular?: { user?: Record<string, unknown>; cluster?: Record<string, unknown> }): KubeConfig;
}

/**
 * An HTTPS server that answers as a test says. It stands in for the API server where that cannot be made to fail on demand:
 * hang, reset, break off, ask to wait. Nothing here shows how the real one behaves.
 */
export async function startScriptedApiServer(): Promise<ScriptedApiServer> {
  const issue = async (): Promise<{ ca: string; server: Issued }> => {
    const authority = await createAuthority();
    return { ca: authority.certificate, server: await authority.issue({ name: 'localhost', usages: ['server'] }) };
  };
  const { ca, server: first } = await issue();
  const requests: ReceivedRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  let answer: Answer = (_request, response) => sendJson(response, 200, { metadata: {} });

  const server = createServer({ cert: first.certificate, key: first.privateKey }, async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = incoming;
    const request = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') };
    requests.push(request);
    answer(request, response);
  });
  server.on('secureConnection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A test resets connections, and so do clients: neither is the server's fault.
    socket.on('error', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://localhost:${(server.address() as AddressInfo).port}`;

  const closeAll = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url,
    ca,
    get connections() {
      return connections;
    },
    requests,
    answer: (next) => {
      answer = next;
    },
    renew: async () => {
      const renewed = await issue();
      server.setSecureContext({ cert: renewed.server.certificate, key: renewed.server.privateKey });
      closeAll();
      return renewed.ca;
    },
    kubeConfig: ({ user = {}, cluster = {} } = {}) => {
      const kubeConfig = new KubeConfig();
      kubeConfig.loadFromClusterAndUser(
        { name: 'test', server: url, skipTLSVerify: false, caData: Buffer.from(ca).toString('base64'), ...cluster },
        { name: 'test', token: 'test-token', ...user },
      );
      return kubeConfig;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      closeAll();
      await closed;
    },
  };
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
