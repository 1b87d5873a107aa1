import type { Socket } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { ImapTransport } from 'imapflow';
import type { Stages } from './stages.ts';

/** The longest greeting that is looked at. */
const GREETING_BYTES = 8192;

/**
 * The TLS handshake of a socket that is connected. Passes the stage `tls`.
 *
 * @throws errors of node:tls, or DOMException TimeoutError
 */
export function secured(
  socket: Socket,
  options: ConnectionOptions,
  ms: number,
  stages: Stages,
  signal: AbortSignal,
): Promise<TLSSocket> {
  stages.begin('tls');
  return new Promise((resolve, reject) => {
    const encrypted = connect({ ...options, socket });
    const end = (error?: unknown): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stopped);
      encrypted.removeListener('error', end);
      if (error === undefined) {
        stages.pass(tlsText(encrypted));
        resolve(encrypted);
        return;
      }
      encrypted.on('error', () => undefined);
      encrypted.destroy();
      socket.destroy();
      reject(error);
    };
    const stopped = (): void => end(signal.reason);
    const timer = setTimeout(() => end(new DOMException('no answer', 'TimeoutError')), ms);
    signal.addEventListener('abort', stopped, { once: true });
    encrypted.once('secureConnect', () => end());
    encrypted.once('error', end);
  });
}

/**
 * Hands imapflow a socket that we dialled, and passes the stages that happen inside its `connect`: `greet`, and with
 * STARTTLS also `tls`; `authenticate` is left running.
 */
export function watchedTransport(
  socket: Socket,
  security: 'TLS' | 'STARTTLS',
  tls: ConnectionOptions,
  stages: Stages,
): ImapTransport {
  stages.begin('greet');
  return {
    connect: (_options, onConnect) => {
      // imapflow expects to be called back after it has the socket.
      setImmediate(() => {
        onConnect();
        if (!socket.destroyed) onGreeting(socket, greeted);
      });
      return socket;
    },
    upgrade: (plain, _options, onSecure) => {
      const encrypted = connect({ ...tls, socket: plain }, () => {
        stages.pass(tlsText(encrypted));
        stages.begin('authenticate');
        onSecure();
      });
      return encrypted;
    },
  };

  function greeted(text: string): void {
    stages.pass(text);
    stages.begin(security === 'STARTTLS' ? 'tls' : 'authenticate');
  }
}

/** Looks on while imapflow reads; a greeting other than OK or PREAUTH is left to it, and fails the stage. */
function onGreeting(socket: Socket, greeted: (text: string) => void): void {
  let seen = '';
  const look = (chunk: Buffer): void => {
    seen += chunk.toString('latin1');
    const end = seen.indexOf('\n');
    if (end < 0 && seen.length < GREETING_BYTES) return;
    socket.removeListener('data', look);
    const [, text] = /^\* (?:OK|PREAUTH)\b(?: \[[^\]]*\])? ?(.*)/i.exec(seen.slice(0, end).trimEnd()) ?? [];
    if (text !== undefined) greeted(text);
  };
  socket.on('data', look);
}

function tlsText(socket: TLSSocket): string {
  return `${socket.getProtocol() ?? 'TLS'}, ${socket.getCipher().standardName}`;
}
