import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { ImapFlow } from 'imapflow';
import type { PollerConnection } from '../process/contract.ts';
import { FaultError } from '../process/fault-error.ts';
import { dial } from './dial.ts';
import type { Egress } from './egress.ts';
import { type FaultContext, faultOf } from './faults.ts';
import type { Resolve } from './resolve.ts';
import type { Stages } from './stages.ts';
import { secured, watchedTransport } from './transport.ts';

/** All in ms. */
export interface SessionTimeouts {
  resolveMs: number;
  connectMs: number;
  tlsMs: number;
  greetMs: number;
  /** Silence of the server in the middle of an answer. */
  silenceMs: number;
}

export const defaultTimeouts: SessionTimeouts = {
  resolveMs: 10_000,
  connectMs: 15_000,
  tlsMs: 15_000,
  greetMs: 30_000,
  silenceMs: 60_000,
};

export interface SessionOptions {
  entry: PollerConnection;
  egress: Egress;
  resolve: Resolve;
  timeouts: SessionTimeouts;
  /** Ends the session wherever it stands. */
  signal: AbortSignal;
  /** `Mailhold/0.1.0`. */
  software: string;
}

/** A mailbox that is open: logged in, folder selected. */
export interface Session {
  client: ImapFlow;
  /** Address dialled. */
  peer: string;
  exists: number;
  /** 0 where the server does not say. */
  uidNext: number;
  /** `0` where the server has none (RFC 3501 section 2.3.1.1 requires one; some send 0 or nothing). */
  uidValidity: string;
  readOnly: boolean;
  /** UIDPLUS (RFC 4315): messages can be expunged one by one. */
  uidPlus: boolean;
  /** Where the session stands, for faults. */
  context(): FaultContext;
  /** Any error of the session, with the server's words. */
  fault(error: unknown): FaultError;
  /**
   * Deletes exactly these UIDs, given as a sequence-set; only with `uidPlus`.
   *
   * @throws FaultError
   */
  expunge(uids: string): Promise<void>;
  /** Closes without ado. */
  close(): void;
}

/**
 * Opens a new session and passes the stages up to `select`. For Keep the folder is opened by EXAMINE, so that no flag
 * can change (RFC 3501 section 6.3.2).
 *
 * @throws FaultError; the failed stage is left running in `stages`
 */
export async function openSession(options: SessionOptions, stages: Stages): Promise<Session> {
  const { entry, timeouts, signal, software } = options;
  const { host, port, folder, password } = entry;
  if (password === undefined) {
    throw new FaultError('AuthenticationFailed', 'never', 'There is no password to log in with.');
  }
  const context = (bye?: string): FaultContext => ({ stage: stages.current, host, port, folder, bye });
  const tls = tlsOptions(entry);
  const raw = await dial({ host, port, egress: options.egress, resolve: options.resolve, timeouts, signal }, stages);
  const peer = raw.remoteAddress ?? host;
  let client: ImapFlow | undefined;
  const stop = (): void => {
    client?.close();
    raw.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    const socket = entry.security === 'TLS' ? await secured(raw, tls, timeouts.tlsMs, stages, signal) : raw;
    client = new ImapFlow({
      host,
      port,
      secure: entry.security === 'TLS',
      doSTARTTLS: entry.security === 'STARTTLS',
      transport: watchedTransport(socket, entry.security, tls, stages),
      auth: { user: entry.user, pass: password },
      clientInfo: { name: software },
      logger: false,
      disableAutoIdle: true,
      // Nothing of them is used, and each costs a round trip or a layer between us and the bytes.
      disableCompression: true,
      disableAutoEnable: true,
      disableIMAP4rev2: true,
      greetingTimeout: timeouts.greetMs,
      socketTimeout: timeouts.silenceMs,
      maxLiteralSize: 1024 * 1024,
      maxResponseSize: 64 * 1024 * 1024,
      maxLineLength: 64 * 1024 * 1024,
    });
    // An 'error' without listener ends the process; the pending command rejects with it all the same.
    client.on('error', () => undefined);
    await client.connect();
    stages.pass(`logged in as ${entry.user}`);
    return await selected(client, options, stages, peer, stop);
  } catch (error) {
    const fault = signal.aborted ? undefined : faultOf(error, context(client?.byeReason));
    stop();
    if (fault === undefined) throw signal.reason;
    throw fault;
  }
}

async function selected(
  client: ImapFlow,
  { entry, signal }: SessionOptions,
  stages: Stages,
  peer: string,
  stop: () => void,
): Promise<Session> {
  const { host, port, folder } = entry;
  stages.begin('select');
  const mailbox = await client.mailboxOpen(folder, { readOnly: entry.afterArchive === 'Keep' });
  // imapflow leaves out what the server did not send, whatever its types say.
  const uidValidity = String((mailbox.uidValidity as bigint | undefined) ?? 0);
  const exists = (mailbox.exists as number | undefined) ?? 0;
  const uidPlus = client.capabilities.has('UIDPLUS');
  const readOnly = mailbox.readOnly === true;
  const notes = [`"${folder}" holds ${exists} ${exists === 1 ? 'message' : 'messages'}, UIDVALIDITY ${uidValidity}`];
  if (entry.afterArchive === 'Delete' && readOnly) notes.push('the server lets us only read, so nothing is deleted');
  else if (entry.afterArchive === 'Delete' && !uidPlus) notes.push('the server lacks UIDPLUS, so nothing is deleted');
  stages.pass(notes.join('; '));
  const context = (): FaultContext => ({
    stage: stages.current ?? 'read',
    host,
    port,
    folder,
    bye: client.byeReason,
  });
  const fault = (error: unknown): FaultError => faultOf(error, context());
  return {
    client,
    peer,
    exists,
    uidNext: (mailbox.uidNext as number | undefined) ?? 0,
    uidValidity,
    readOnly,
    uidPlus,
    context,
    fault,
    expunge: async (uids) => {
      try {
        // With UIDPLUS this is UID EXPUNGE, never the bare one that takes other people's marks along.
        if (uidPlus && (await client.messageDelete(uids, { uid: true }))) return;
      } catch (error) {
        throw fault(error);
      }
      throw new FaultError('ServerRefused', 'later', 'The server refused to delete messages that are archived.');
    },
    close: () => {
      signal.removeEventListener('abort', stop);
      stop();
    },
  };
}

function tlsOptions({ host, minimumTLS, caBundle }: PollerConnection): ConnectionOptions {
  return {
    host,
    // A name to ask for by SNI cannot be an address (RFC 6066 section 3).
    ...(isIP(host) === 0 && { servername: host }),
    minVersion: minimumTLS,
    ...(caBundle !== undefined && { ca: caBundle }),
  };
}
