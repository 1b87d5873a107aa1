import { ApiError, type ApiErrorCause, type ApiErrorCode } from './api-error.ts';

/** A status message takes 1,024 characters; with the sentence around it this much of the server's text fits. */
const WORDS_LIMIT = 600;

/** metav1.Status, as far as it is read. Proxies in between answer with anything else: nothing is taken for granted. */
interface Status {
  reason?: unknown;
  message?: unknown;
  details?: { causes?: unknown; retryAfterSeconds?: unknown };
}

/** An answer with an HTTP code of 300 and above. */
export interface RefusedAnswer {
  /** What was asked for, such as `apply deployments mailhold/receiver`. */
  doing: string;
  status: number;
  /** Value of the header, where there is one (RFC 9110, section 10.2.3: seconds or a date). */
  retryAfter: string | undefined;
  body: Buffer;
  /** Wall clock in ms, for a Retry-After that is a date. */
  now: number;
  /** Leaves out words of the server that may quote the object: a Secret. */
  discreet: boolean;
}

/** What the API server, or a proxy before it, said instead of doing what was asked. */
export function refusalOf({ doing, status, retryAfter, body, now, discreet }: RefusedAnswer): ApiError {
  const said = parseStatus(body);
  const reason = typeof said?.reason === 'string' && said.reason !== '' ? said.reason : undefined;
  const causes = discreet ? [] : causesOf(said);
  const retryAfterMs = retryAfterOf(retryAfter, now) ?? secondsOf(said?.details?.retryAfterSeconds);
  const words =
    discreet && !isBlind(said) ? 'its words are left out, since they may quote the Secret' : wordsOf(said, body);
  const title = reason === undefined ? `${status}` : `${status} ${reason}`;
  return new ApiError(
    codeOfRefusal(status, reason, said),
    `The API server refused to ${doing} (${title})${colon(words)}`,
    {
      status,
      causes,
      ...(reason !== undefined && { reason }),
      ...(retryAfterMs !== undefined && { retryAfterMs }),
    },
  );
}

function codeOfRefusal(status: number, reason: string | undefined, said: Status | undefined): ApiErrorCode {
  // An apply with a field that the schema does not have. The server calls that a fault of its own, without a reason.
  if (status === 500 && reason === undefined && /^failed to create typed patch object/.test(`${said?.message}`)) {
    return 'Invalid';
  }
  // An apply that names the uid of an object which was made anew since: it is not the fields that are wrong.
  const causes = causesOf(said);
  if (reason === 'Invalid' && causes.length > 0 && causes.every(({ field }) => field === 'metadata.uid'))
    return 'Conflict';
  return codeOf(status, reason);
}

/** The code of an answer; also for the `code` and `reason` of an ERROR line in a watch. */
export function codeOf(status: number | undefined, reason: string | undefined): ApiErrorCode {
  switch (reason) {
    case 'Unauthorized':
    case 'Forbidden':
    case 'NotFound':
    case 'AlreadyExists':
    case 'Conflict':
    case 'Gone':
    case 'Invalid':
    case 'BadRequest':
    case 'TooManyRequests':
    case 'Timeout':
      return reason;
    // 410 of a list or watch whose version etcd has compacted away.
    case 'Expired':
      return 'Gone';
    case 'ServerTimeout':
      return 'Timeout';
    case 'ServiceUnavailable':
    case 'InternalError':
      return 'Unavailable';
    default:
      return (
        (status !== undefined ? BY_STATUS[status] : undefined) ?? (Number(status) >= 500 ? 'Unavailable' : 'Unexpected')
      );
  }
}

const BY_STATUS: Readonly<Record<number, ApiErrorCode>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  410: 'Gone',
  422: 'Invalid',
  429: 'TooManyRequests',
  504: 'Timeout',
};

/** Text of a peer on one line, without control characters, at most `limit` characters. */
export function printable(text: string, limit: number = WORDS_LIMIT): string {
  const characters = Array.from(text.replace(/[\p{C}\s]+/gu, ' ').trim());
  return characters.length <= limit ? characters.join('') : `${characters.slice(0, limit - 1).join('')}…`;
}

function colon(words: string): string {
  return words === '' ? '.' : `: ${words}`;
}

/** Missing rights and a quota are told of before, or without, a look into the object; what a policy says may quote it. */
function isBlind(said: Status | undefined): boolean {
  return (
    said?.reason === 'Forbidden' &&
    /^secrets( "[^"]*")? is forbidden: (User "|exceeded quota: )/.test(`${said.message}`)
  );
}

function parseStatus(body: Buffer): Status | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    // A proxy's page or plain text; its words are shown as they are.
    return undefined;
  }
}

function wordsOf(said: Status | undefined, body: Buffer): string {
  return printable(typeof said?.message === 'string' ? said.message : body.toString('utf8'));
}

function causesOf(said: Status | undefined): ApiErrorCause[] {
  const causes = said?.details?.causes;
  if (!Array.isArray(causes)) return [];
  return causes
    .filter((cause: unknown): cause is Record<string, unknown> => typeof cause === 'object' && cause !== null)
    .map(({ field, reason, message }) => ({
      ...(typeof field === 'string' && { field }),
      ...(typeof reason === 'string' && { reason }),
      ...(typeof message === 'string' && { message: printable(message) }),
    }));
}

function retryAfterOf(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,7}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}

function secondsOf(value: unknown): number | undefined {
  return typeof value === 'number' && value > 0 && value < 1e7 ? value * 1000 : undefined;
}
