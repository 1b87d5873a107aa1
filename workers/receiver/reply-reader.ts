import type { Socket } from 'node:net';

/** A whole reply of an SMTP server. */
export interface ServerReply {
  code: number;
  /** All its lines, without CRLF. */
  lines: string[];
}

const LONGEST_REPLY = 64 * 1024;

/**
 * Reads replies (RFC 5321 4.2) from a socket, in order. One reply may be asked for at a time.
 *
 * @returns `next`, which resolves to the next whole reply and rejects when the socket ends or `signal` aborts first, and
 *   `release`, which takes the listeners away and is needed before TLS wraps the socket
 */
export function readReplies(socket: Socket): {
  next(signal?: AbortSignal): Promise<ServerReply>;
  release(): void;
} {
  let text = '';
  let lines: string[] = [];
  const ready: ServerReply[] = [];
  let ended: Error | undefined;
  let waiting: { resolve: (reply: ServerReply) => void; reject: (error: unknown) => void } | undefined;

  const settle = (): void => {
    if (waiting === undefined) return;
    const reply = ready.shift();
    const { resolve, reject } = waiting;
    if (reply !== undefined) {
      waiting = undefined;
      resolve(reply);
    } else if (ended !== undefined) {
      waiting = undefined;
      reject(ended);
    }
  };
  const onData = (chunk: Buffer): void => {
    text += chunk.toString('latin1');
    if (text.length > LONGEST_REPLY) socket.destroy(new Error('a reply without end'));
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n')) {
      const line = text.slice(0, text.charCodeAt(end - 1) === 0x0d ? end - 1 : end);
      text = text.slice(end + 1);
      lines.push(line);
      if (line.charAt(3) === '-') continue;
      ready.push({ code: Number(line.slice(0, 3)), lines });
      lines = [];
    }
    settle();
  };
  const onError = (error: Error): void => {
    ended ??= error;
    settle();
  };
  const onEnd = (): void => onError(new Error('the server closed the connection'));
  socket.on('data', onData);
  socket.on('error', onError);
  socket.on('end', onEnd);
  socket.on('close', onEnd);

  return {
    next: (signal) =>
      new Promise((resolve, reject) => {
        const give = (): void => {
          waiting = undefined;
          reject(signal?.reason);
        };
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        signal?.addEventListener('abort', give, { once: true });
        waiting = {
          resolve: (reply) => {
            signal?.removeEventListener('abort', give);
            resolve(reply);
          },
          reject: (error) => {
            signal?.removeEventListener('abort', give);
            reject(error);
          },
        };
        settle();
      }),
    release: () => {
      socket.off('data', onData);
      socket.off('end', onEnd);
      socket.off('close', onEnd);
      // The error listener stays: without one, a late reset would end the process.
    },
  };
}
