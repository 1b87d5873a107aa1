import type { Retry } from '../../../workers/process/contract.ts';

export type StartupCode =
  | 'FolderNotFound'
  | 'FolderNotReadable'
  | 'StateNotUsable'
  | 'AlreadyRunning'
  | 'HttpListenFailed'
  | 'InvalidOption';

/** Why `mailhold run` could not start. `message` is one sentence that a person can act on. */
export class StartupError extends Error {
  readonly code: StartupCode;
  readonly retry: Retry;

  constructor(code: StartupCode, retry: Retry, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'StartupError';
    this.code = code;
    this.retry = retry;
  }
}

/** The system's code of an error (`ENOENT`), or undefined where it is not one of the system. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
