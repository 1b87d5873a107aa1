import type { Fault, FaultCode, Retry } from './contract.ts';

/** The longest peer text that is kept: status messages are read by people. */
const SERVER_TEXT_LIMIT = 200;

/**
 * An error that carries what the user is told. `cause` is for logs at debug level only: it may hold what must not leave
 * the process, so it is never part of {@link FaultError.toFault}.
 */
export class FaultError extends Error {
  readonly code: FaultCode;
  readonly retry: Retry;
  readonly serverText: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: FaultCode,
    retry: Retry,
    message: string,
    options: { serverText?: string; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'FaultError';
    this.code = code;
    this.retry = retry;
    this.serverText = options.serverText === undefined ? undefined : printable(options.serverText);
    this.retryAfterMs = options.retryAfterMs;
  }

  toFault(): Fault {
    return {
      code: this.code,
      retry: this.retry,
      message: this.message,
      ...(this.serverText !== undefined && { serverText: this.serverText }),
      ...(this.retryAfterMs !== undefined && { retryAfterMs: this.retryAfterMs }),
    };
  }
}

/** Any thrown value as a FaultError; what we did not expect becomes InternalError, retried later, its text kept inside. */
export function toFaultError(error: unknown): FaultError {
  if (error instanceof FaultError) return error;
  return new FaultError('InternalError', 'later', 'Mailhold met an error of its own; its log has the details.', {
    cause: error,
  });
}

/** A peer's text made safe to show: one line, printable, at most 200 characters. */
export function printable(text: string): string {
  const line = text.replace(/[\p{C}\s]+/gu, ' ').trim();
  const characters = Array.from(line);
  return characters.length <= SERVER_TEXT_LIMIT ? line : `${characters.slice(0, SERVER_TEXT_LIMIT - 1).join('')}…`;
}
