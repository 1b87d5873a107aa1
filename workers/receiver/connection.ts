import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { peerAddress } from './ranges.ts';
import { Session } from './session.ts';
import type { SessionServices, Wire } from './session-services.ts';

/** A session and its socket, for as long as the socket is open. */
export interface Connection {
  readonly session: Session;
  destroy(): void;
}

export interface ConnectionOptions {
  services: SessionServices;
  /** The TLS context served now. */
  secureContext: () => SecureContext | undefined;
  /** Called once, when the socket is closed. */
  onClose: () => void;
}

/**
 * Puts a session on an accepted socket, which must allow half-open connections: a peer that closes its side behind the
 * last dot still gets its 250.
 *
 * @returns undefined where the peer is gone already
 */
export function openConnection(raw: Socket, options: ConnectionOptions): Connection | undefined {
  const { remoteAddress, remotePort } = raw;
  if (remoteAddress === undefined || remotePort === undefined) {
    raw.destroy();
    return undefined;
  }
  let socket: Socket = raw;
  let paused = false;
  let secured = false;
  let closed = false;

  const onData = (chunk: Buffer): void => session.receive(chunk);
  const onEnd = (): void => session.inputEnded();
  const onDrain = (): void => {
    if (!paused) socket.resume();
  };
  // What went wrong with a socket is told by its close; resets are every-day.
  const onError = (error: Error): void => {
    if (socket instanceof TLSSocket && !secured) session.handshakeFailed(error.message);
    socket.destroy();
  };
  const onClose = (): void => {
    if (closed) return;
    closed = true;
    if (socket instanceof TLSSocket && !secured) session.handshakeFailed('the peer closed the connection');
    session.gone();
    options.onClose();
  };

  const wire: Wire = {
    send: (text) => {
      // A peer that asks and never reads must not fill our memory with answers.
      if (!socket.write(text, 'latin1')) {
        socket.pause();
        socket.once('drain', onDrain);
      }
    },
    pause: () => {
      paused = true;
      socket.pause();
    },
    resume: () => {
      paused = false;
      if (!socket.writableNeedDrain) socket.resume();
    },
    startTls: (line) => {
      raw.removeAllListeners('data');
      raw.removeAllListeners('end');
      raw.pause();
      // Only when the reply has left may TLS take the socket; what comes meanwhile stays unread and is TLS's.
      raw.write(line, 'latin1', (error) => {
        if (!error && !raw.destroyed) wrap();
      });
    },
    end: (text) => {
      if (text === '') socket.end();
      else socket.end(text, 'latin1');
      paused = false;
      socket.resume();
    },
    destroy: () => socket.destroy(),
  };
  const session = new Session(options.services, wire, peerAddress(remoteAddress), remotePort);

  const listen = (): void => {
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
  };
  const wrap = (): void => {
    const secureContext = options.secureContext();
    if (secureContext === undefined) {
      raw.destroy();
      return;
    }
    const secure = new TLSSocket(raw, { isServer: true, secureContext, requestCert: false });
    secure.disableRenegotiation();
    socket = secure;
    secure.on('_tlsError', onError);
    secure.once('secure', () => {
      secured = true;
      session.secured(secure.getProtocol() ?? '', secure.getCipher().standardName);
    });
    listen();
  };

  listen();
  session.greet();
  return { session, destroy: () => socket.destroy() };
}
