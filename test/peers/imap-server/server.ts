import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { selfSignedCertificate } from '../../../operator/runtime/certificates/self-signed.ts';
import type { ImapFault } from './fault.ts';
import { type ImapMailbox, newMailbox } from './mailbox.ts';
import { type ImapServerState, ImapSession } from './session.ts';

const DAY_MS = 86_400_000;

export interface ImapServerOptions {
  /** User name to password. Default `ann`, `secret`. All users share the folders. */
  users?: Record<string, string>;
  /** Default: an empty INBOX. */
  folders?: Record<string, ImapMailbox>;
  /** Default `UIDPLUS SASL-IR`. */
  capabilities?: string[];
  fault?: ImapFault;
  /** Clear text with STARTTLS instead of implicit TLS. */
  starttls?: boolean;
}

/** An IMAP server whose every word is ours: enough for a whole poll, and for the faults that a real one cannot show. */
export interface ImapServer extends AsyncDisposable {
  host: string;
  port: number;
  /** PEM. */
  certificate: string;
  inbox: ImapMailbox;
  /** The fault may be changed while it runs. */
  setFault(fault: ImapFault): void;
  /** Commands that came, without passwords. */
  readonly transcript: readonly string[];
  readonly sessions: number;
}

export async function startImapServer(options: ImapServerOptions = {}): Promise<ImapServer> {
  const { certificate, privateKey } = await selfSignedCertificate(
    'localhost',
    Date.now() - DAY_MS,
    Date.now() + DAY_MS,
  );
  const folders = new Map(Object.entries(options.folders ?? { INBOX: newMailbox() }));
  const state: ImapServerState = {
    users: options.users ?? { ann: 'secret' },
    folders,
    capabilities: options.capabilities ?? ['UIDPLUS', 'SASL-IR'],
    fault: options.fault ?? {},
    secureContext: createSecureContext({ cert: certificate, key: privateKey }),
    loggedIn: new Set(),
    transcript: [],
  };
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    const secure = options.starttls !== true;
    const { secureContext } = state;
    new ImapSession(secure ? new TLSSocket(socket, { isServer: true, secureContext }) : socket, state, secure);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    host: 'localhost',
    port: address.port,
    certificate,
    inbox: folders.get('INBOX') ?? newMailbox(),
    setFault: (fault) => {
      state.fault = fault;
    },
    transcript: state.transcript,
    get sessions() {
      return state.loggedIn.size;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
