import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { HTTP_TIMEOUTS } from './http-timeouts.ts';
import type { FollowedKeys, StatusKeys } from './status-keys.ts';

/** Common name of the operator's certificate. */
const OPERATOR = 'mailhold-operator';
/** Extended key usage id-kp-clientAuth (RFC 5280 4.2.1.12). */
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const HANDSHAKE_MS = 10_000;

/**
 * An HTTPS server that answers the operator alone. A peer without a certificate of the authority for clients does not get
 * through the handshake; one whose certificate has another name gets 403. New keys serve from the next handshake on, and
 * requests that are open go on.
 */
export function operatorOnlyServer(keys: FollowedKeys, answer: RequestListener): Server {
  const operators = new WeakSet<object>();
  const server = createServer(
    {
      ...contextOf(keys.current),
      ...HTTP_TIMEOUTS,
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: HANDSHAKE_MS,
    },
    (request, response) => {
      if (operators.has(request.socket)) answer(request, response);
      else response.writeHead(403, { connection: 'close' }).end('only the operator is answered here\n');
    },
  );
  // Looked at once per connection: a certificate is not asked for again in it.
  server.on('secureConnection', (socket) => {
    if (isOperator(socket)) operators.add(socket);
  });
  keys.onRenewed((renewed) => server.setSecureContext(contextOf(renewed)));
  return server;
}

function contextOf({ certificate, privateKey, authority }: StatusKeys) {
  return { cert: certificate, key: privateKey, ca: authority, minVersion: 'TLSv1.3' } as const;
}

function isOperator(socket: TLSSocket): boolean {
  const { subject, ext_key_usage: usages } = socket.getPeerCertificate();
  // OpenSSL takes a certificate without any usage for one of every usage.
  return subject?.CN === OPERATOR && (usages as readonly string[] | undefined)?.includes(CLIENT_AUTH) === true;
}
