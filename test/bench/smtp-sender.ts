import { buildTemplate, writeId } from './messages.ts';
import { openSecured, type Server } from './smtp-hello.ts';

/** Where and what a run sends. */
export interface SenderOptions extends Server {
  /** Address in RCPT TO. */
  recipient: string;
  /** Length of a message, before its dots are doubled. */
  messageBytes: number;
  /** Whether MAIL, RCPT and DATA go out together, right behind the message before (RFC 2920). */
  pipelining: boolean;
  /** Which run this is; it goes into each message's id. */
  run: number;
}

/** One connection that sends message after message, each when the one before was acknowledged. */
export interface Sender {
  /** Messages acknowledged since the connection began; they have the sequences from 0. */
  readonly acknowledged: number;
  /** Sends until `finish`. `onAcknowledged` gets the ms from writing a message to its 250. */
  begin(onAcknowledged: (ms: number) => void): void;
  /** Lets the message on its way end and says QUIT. */
  finish(): void;
  /** Cuts the connection where it is still open. */
  cut(): void;
  /** Resolves when the connection was closed behind a QUIT; rejects on every other reply or end than expected. */
  readonly ended: Promise<void>;
}

const LF = 0x0a;
const HYPHEN = 0x2d;
const ZERO = 0x30;

/** Whose reply comes next. */
const Step = { Mail: 0, Rcpt: 1, Data: 2, Message: 3, Quit: 4 } as const;

/**
 * Connects and greets. All that is sent is built beforehand, and replies are read byte by byte without making strings,
 * since what the generator costs is taken from the server that it measures.
 *
 * @param connection number of the connection within the run, from 0
 */
export async function openSender(options: SenderOptions, connection: number): Promise<Sender> {
  const socket = await openSecured(options);
  const { run, pipelining } = options;
  const { wire } = buildTemplate(options.messageBytes, connection);
  const mail = Buffer.from('MAIL FROM:<sender@bench.example>\r\n');
  const rcpt = Buffer.from(`RCPT TO:<${options.recipient}>\r\n`);
  const data = Buffer.from('DATA\r\n');
  const group = Buffer.concat([mail, rcpt, data]);
  const ended = Promise.withResolvers<void>();
  let step: (typeof Step)[keyof typeof Step] = Step.Mail;
  let acknowledged = 0;
  let sentAt = 0;
  let finishing = false;
  /** Whether a group went out behind the message, so that another message must follow. */
  let groupSent = false;
  let onAcknowledged: (ms: number) => void = () => undefined;

  const sendMessage = (): void => {
    writeId(wire, { run, connection, sequence: acknowledged });
    sentAt = performance.now();
    groupSent = pipelining && !finishing;
    if (groupSent) {
      socket.cork();
      socket.write(wire);
      socket.write(group);
      socket.uncork();
    } else {
      socket.write(wire);
    }
  };
  const acknowledge = (): void => {
    acknowledged += 1;
    onAcknowledged(performance.now() - sentAt);
    if (groupSent) {
      step = Step.Mail;
    } else if (finishing) {
      step = Step.Quit;
      socket.write('QUIT\r\n');
    } else {
      step = Step.Mail;
      socket.write(pipelining ? group : mail);
    }
  };
  const replied = (code: number, chunk: Buffer): void => {
    const wanted = step === Step.Data ? 354 : step === Step.Quit ? 221 : 250;
    if (code !== wanted) {
      socket.destroy(new Error(`expected ${wanted}, and the server says: ${chunk.toString('latin1').trim()}`));
      return;
    }
    switch (step) {
      case Step.Mail:
        step = Step.Rcpt;
        if (!pipelining) socket.write(rcpt);
        return;
      case Step.Rcpt:
        step = Step.Data;
        if (!pipelining) socket.write(data);
        return;
      case Step.Data:
        step = Step.Message;
        sendMessage();
        return;
      case Step.Message:
        acknowledge();
        return;
      case Step.Quit:
        ended.resolve();
        socket.end();
    }
  };

  let column = 0;
  let code = 0;
  let last = true;
  socket.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; at += 1) {
      const byte = chunk[at] ?? 0;
      if (byte === LF) {
        const whole = last ? code : 0;
        column = 0;
        code = 0;
        last = true;
        if (whole !== 0) replied(whole, chunk);
        continue;
      }
      if (column < 3) code = code * 10 + byte - ZERO;
      else if (column === 3) last = byte !== HYPHEN;
      column += 1;
    }
  });
  socket.once('error', (error) => ended.reject(error));
  socket.once('close', () =>
    ended.reject(new Error(`the server closed the connection after ${acknowledged} messages`)),
  );
  // Whoever runs the sender awaits `ended` at the end of the run; a rejection before that is no unhandled one.
  ended.promise.catch(() => undefined);

  return {
    get acknowledged() {
      return acknowledged;
    },
    begin: (listener) => {
      onAcknowledged = listener;
      socket.write(pipelining ? group : mail);
    },
    finish: () => {
      finishing = true;
    },
    cut: () => socket.destroy(),
    ended: ended.promise,
  };
}
