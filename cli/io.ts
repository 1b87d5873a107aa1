/** What a command writes to, and what it may know of its surroundings. */
export interface Io {
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  /** Aborts when the person ends the command. */
  signal: AbortSignal;
}

export interface Output {
  write(chunk: string | Uint8Array): unknown;
  /** True on a terminal. */
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** A command: its arguments, and its exit code. */
export type Command = (args: readonly string[], io: Io) => Promise<number>;

/** What the exit codes of all commands mean. */
export const ExitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  /** `status --exit-code`: some light is not green. */
  notGreen: 3,
} as const;

/** Arguments that cannot be meant; the message says what to write. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Something that the person can mend; shown without a stack. */
export class CommandError extends Error {
  override name = 'CommandError';
}

/** Waits until the bytes left, where the other side is slow. */
export async function writeAll(output: Output, chunk: Uint8Array): Promise<void> {
  if (output.write(chunk) !== false) return;
  const emitter = output as NodeJS.WriteStream;
  await new Promise<void>((resolve) => emitter.once('drain', resolve));
}
