import type { Retry } from '../../../workers/process/contract.ts';

export type WorkerCallCode = 'WorkerUnreachable' | 'WorkerNotTrusted' | 'UnexpectedAnswer';

/** Why a worker could not be asked. `message` is for a person, and may stand in a status. */
export class WorkerCallError extends Error {
  readonly code: WorkerCallCode;
  /** Workers come and go with their processes and pods: every call may be tried again. */
  readonly retry: Retry = 'later';

  constructor(code: WorkerCallCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'WorkerCallError';
    this.code = code;
  }
}

/** What happened to a call, by the code of Node's error. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Nothing listens there',
  ENOENT: 'It does not listen yet',
  ABORT_ERR: 'The call was given up',
  ECONNRESET: 'It ended the connection',
  EPIPE: 'It ended the connection',
  EHOSTUNREACH: 'There is no way to it in the network',
  ENETUNREACH: 'There is no way to it in the network',
  ETIMEDOUT: 'It did not answer in time',
};

/**
 * Any error of a call as a WorkerCallError.
 *
 * @param where the worker as a person knows it: a path, or `address:port`
 */
export function toWorkerCallError(error: unknown, where: string): WorkerCallError {
  if (error instanceof WorkerCallError) return error;
  if (isTimeout(error)) {
    return new WorkerCallError('WorkerUnreachable', `The worker at ${where} did not answer in time.`, { cause: error });
  }
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (isAboutTrust(code)) {
    return new WorkerCallError(
      'WorkerNotTrusted',
      `The worker at ${where} and the operator do not accept each other's certificates (${code}); both are renewed by themselves.`,
      { cause: error },
    );
  }
  const words = WORDS[code] ?? (code === '' ? 'The call failed' : `The call failed (${code})`);
  return new WorkerCallError('WorkerUnreachable', `The worker at ${where} cannot be asked. ${words}.`, {
    cause: error,
  });
}

/** A request that its signal ended has the signal's reason as the cause of its own error. */
function isTimeout(error: unknown): boolean {
  const reason = error instanceof Error && error.name === 'AbortError' ? error.cause : error;
  return reason instanceof Error && reason.name === 'TimeoutError';
}

/** Verification by us, or an alert of theirs: the codes of OpenSSL's X509_V_ERR_*, and of Node's and OpenSSL's TLS errors. */
function isAboutTrust(code: string): boolean {
  return /^(ERR_SSL_|ERR_TLS_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|INVALID_CA|INVALID_PURPOSE)/.test(code);
}
