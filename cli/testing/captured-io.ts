import type { Io } from '../io.ts';

/** What a command wrote, in the place of a terminal or a pipe. */
export interface CapturedIo extends Io {
  out(): string;
  bytes(): Buffer;
  err(): string;
  abort(): void;
}

export interface CapturedOptions {
  /** Size of the terminal; left out: a pipe. */
  terminal?: { columns: number; rows: number };
  env?: Record<string, string>;
  /** Called with each text that is written to standard output. */
  wrote?: (text: string) => void;
}

export function capturedIo({ terminal, env = {}, wrote }: CapturedOptions = {}): CapturedIo {
  const out: Buffer[] = [];
  const err: string[] = [];
  const ending = new AbortController();
  const size = terminal === undefined ? {} : { isTTY: true, ...terminal };
  return {
    stdout: {
      ...size,
      write: (chunk) => {
        out.push(Buffer.from(chunk));
        wrote?.(chunk.toString());
        return true;
      },
    },
    stderr: { write: (chunk) => err.push(chunk.toString()) },
    env,
    signal: ending.signal,
    out: () => Buffer.concat(out).toString(),
    bytes: () => Buffer.concat(out),
    err: () => err.join(''),
    abort: () => ending.abort(),
  };
}
