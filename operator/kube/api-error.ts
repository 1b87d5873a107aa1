/**
 * What went wrong with a call. The first ten are the server's answer (metav1.Status: `reason`, else the HTTP code); the
 * others are what happened before there was one.
 */
export type ApiErrorCode =
  | 'BadRequest'
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'TooManyRequests'
  | 'Unavailable'
  /** Our deadline, or 504 of the server. */
  | 'Timeout'
  | 'ConnectionFailed'
  | 'CertificateNotTrusted'
  /** No kubeconfig, no token file, or a credential plugin that failed. */
  | 'CredentialsUnavailable'
  /** The answer broke off, is no JSON, or is larger than we take. */
  | 'Unreadable'
  /** The caller's signal. */
  | 'Aborted'
  | 'Unexpected';

/**
 * `now`: the same intent, thought out anew, can work at once (read again, list again). `later`: the same call, after a
 * pause. `never`: not before somebody has changed something.
 */
export type ApiRetry = 'now' | 'later' | 'never';

const RETRY: Readonly<Record<ApiErrorCode, ApiRetry>> = {
  BadRequest: 'never',
  // Rotated credentials, a missing role, a namespace or kind that comes later: all of them are mended from outside.
  Unauthorized: 'later',
  Forbidden: 'later',
  NotFound: 'later',
  AlreadyExists: 'never',
  Conflict: 'now',
  Gone: 'now',
  Invalid: 'never',
  TooManyRequests: 'later',
  Unavailable: 'later',
  Timeout: 'later',
  ConnectionFailed: 'later',
  CertificateNotTrusted: 'later',
  CredentialsUnavailable: 'later',
  Unreadable: 'later',
  Aborted: 'never',
  Unexpected: 'later',
};

/** One entry of metav1.Status `details.causes`: which field, and why. */
export interface ApiErrorCause {
  field?: string;
  reason?: string;
  message?: string;
}

export interface ApiErrorDetails {
  /** HTTP code of the answer. */
  status?: number;
  /** metav1.Status `reason`, in the server's spelling: finer than `code`. */
  reason?: string;
  causes?: readonly ApiErrorCause[];
  /** How long the server asks to wait. */
  retryAfterMs?: number;
  cause?: unknown;
}

/**
 * A call of the API server that did not do what it was for. `message` is one sentence for people, with the server's own
 * words; `cause` is for logs at debug level only.
 */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly retry: ApiRetry;
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly causes: readonly ApiErrorCause[];
  readonly retryAfterMs: number | undefined;

  constructor(code: ApiErrorCode, message: string, details: ApiErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'ApiError';
    this.code = code;
    this.retry = RETRY[code];
    this.status = details.status;
    this.reason = details.reason;
    this.causes = details.causes ?? [];
    this.retryAfterMs = details.retryAfterMs;
  }
}
