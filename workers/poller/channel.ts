import { FaultError } from '../process/fault-error.ts';
import { refusal } from './faults.ts';
import { beginsBody, type FetchedMessage, parseFetch } from './fetch-response.ts';
import type { Session } from './session.ts';
import { type LiteralSink, type ResponsePart, ResponseSplitter } from './splitter.ts';

export interface ChannelEvents {
  /** The literal of a message begins. Its bytes come once what was given to `Channel.wait` meanwhile has settled. */
  body(length: number): LiteralSink;
  fetched(message: FetchedMessage): void;
  /** The connection is of no more use. Called once. */
  broken(fault: FaultError): void;
}

/** An open mailbox whose socket we have taken from imapflow for good, to pull messages at the speed of the socket. */
export interface Channel {
  /**
   * Sends a command at once; several may be in flight.
   *
   * @throws FaultError with the server's words for NO and BAD, or why the connection broke
   */
  run(command: string): Promise<void>;
  /** Stops reading until this settles; a rejection breaks the channel. One at a time. */
  wait(ready: Promise<unknown>): void;
  /** Ends the channel for a reason of ours; commands in flight reject with it. */
  break(fault: FaultError): void;
  readonly broken: FaultError | undefined;
  /** LOGOUT, waiting for the server at most as long as it may be silent, then closes. */
  logout(): Promise<void>;
}

/**
 * Takes the socket over by imapflow's `unbind`, which has no way back: imapflow's timeouts and error listeners are gone
 * with it, so they are ours from here.
 *
 * @param silenceMs how long the server may send nothing while a command is in flight and we read
 */
export function takeOver(session: Session, silenceMs: number, signal: AbortSignal, events: ChannelEvents): Channel {
  const { readSocket, writeSocket, socket } = session.client.unbind();
  socket.setTimeout(0);
  const inFlight = new Map<string, { resolve: () => void; reject: (fault: FaultError) => void }>();
  let broken: FaultError | undefined;
  let bye: string | undefined;
  let leaving = false;
  let waiting = 0;
  let lastTag = 0;

  const breakUp = (fault: FaultError): void => {
    if (broken) return;
    broken = fault;
    clearTimeout(silence);
    signal.removeEventListener('abort', aborted);
    session.close();
    for (const { reject } of inFlight.values()) reject(fault);
    inFlight.clear();
    events.broken(fault);
  };
  const aborted = (): void => breakUp(new FaultError('ConnectionFailed', 'now', 'The session was stopped.'));
  const lost = (error?: unknown): void => {
    const said = bye === undefined ? undefined : refusal(`BYE ${bye}`, {}, session.context());
    breakUp(said ?? session.fault(error ?? new Error('the server closed it')));
  };
  const silent = (): void => {
    if (inFlight.size > 0 && waiting === 0) lost(new DOMException('silence', 'TimeoutError'));
    else silence.refresh();
  };
  const silence = setTimeout(silent, silenceMs);
  const guarded = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      breakUp(error instanceof FaultError ? error : session.fault(error));
    }
  };

  const splitter = new ResponseSplitter({
    literal: (before, length) => (beginsBody(before) ? events.body(length) : undefined),
    response: (parts) => {
      if (!broken) answer(parts);
    },
  });
  const answer = (parts: ResponsePart[]): void => {
    const text = typeof parts[0] === 'string' ? parts[0] : '';
    const message = fetchedOf(parts);
    if (message) {
      events.fetched(message);
      return;
    }
    const [, tag = '', status = '', words = ''] = /^(\S+) (OK|NO|BAD|BYE)\b ?(.*)/i.exec(text) ?? [];
    if (tag === '*') {
      if (status.toUpperCase() === 'BYE') bye = words;
      return;
    }
    const command = inFlight.get(tag);
    if (command === undefined) return;
    inFlight.delete(tag);
    if (status.toUpperCase() === 'OK') command.resolve();
    else command.reject(refusal(`${status.toUpperCase()} ${words}`, {}, session.context()));
  };
  const fetchedOf = (parts: ResponsePart[]): FetchedMessage | undefined => {
    try {
      return parseFetch(parts);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new FaultError('ProtocolError', 'later', `The server sent a message in a broken frame: ${error.message}.`);
    }
  };

  readSocket.on('data', (chunk: Buffer) => {
    silence.refresh();
    guarded(() => splitter.push(chunk));
  });
  readSocket.on('error', lost);
  readSocket.on('close', () => (leaving ? clearTimeout(silence) : lost()));
  signal.addEventListener('abort', aborted, { once: true });
  if (signal.aborted) aborted();
  // unpipe left it paused, and a listener alone does not make it flow again.
  readSocket.resume();

  const run = (command: string): Promise<void> =>
    new Promise((resolve, reject) => {
      if (broken) return reject(broken);
      lastTag += 1;
      const tag = `M${lastTag}`;
      inFlight.set(tag, { resolve, reject });
      silence.refresh();
      writeSocket.write(`${tag} ${command}\r\n`, 'latin1');
    });

  return {
    run,
    wait: (ready) => {
      waiting += 1;
      splitter.hold();
      readSocket.pause();
      const goOn = (): void => {
        waiting -= 1;
        if (broken || waiting > 0) return;
        silence.refresh();
        guarded(() => splitter.release());
        if (waiting === 0) readSocket.resume();
      };
      ready.then(goOn, (error: unknown) => breakUp(error instanceof FaultError ? error : session.fault(error)));
    },
    break: breakUp,
    get broken() {
      return broken;
    },
    logout: async () => {
      if (broken) return;
      leaving = true;
      // All that matters is done; how the server takes leave changes nothing.
      await run('LOGOUT').catch((error: unknown) => error);
      clearTimeout(silence);
      signal.removeEventListener('abort', aborted);
      session.close();
    },
  };
}
