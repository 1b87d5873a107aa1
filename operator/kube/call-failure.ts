import { ApiError, type ApiErrorCode } from './api-error.ts';
import { printable } from './server-answer.ts';

/** undici's codes for a request of which nothing went out. */
const NEVER_SENT = new Set(['UND_ERR_CLOSED', 'UND_ERR_DESTROYED']);
/** A connection that ended under a request: most often one that was kept alive just when the server closed it. */
const CONNECTION_LOST = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * Anything that was thrown between asking and having the whole answer, as ApiError.
 *
 * @param doing what was asked for, such as `list secrets contoso`
 */
export function failureOf(doing: string, error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const words = printable(textOf(error));
  const code = kindOf(error);
  const say: Record<ReturnType<typeof kindOf>, string> = {
    CertificateNotTrusted: `The certificate of the API server is not trusted, so Mailhold did not ${doing}: ${words}`,
    ConnectionFailed: `The API server could not be asked to ${doing}: ${words}`,
    Unexpected: `Mailhold failed to ask the API server to ${doing}: ${words}`,
  };
  return new ApiError(code, say[code], { cause: error });
}

/** Whether the same request can be sent again at once, on another connection, where sending it twice does no harm. */
export function isConnectionLost(error: unknown): boolean {
  const code = systemCode(error);
  return code !== undefined && (NEVER_SENT.has(code) || CONNECTION_LOST.has(code));
}

/** Whether nothing of the request reached the server, so that it may be repeated whatever it does. */
export function isNeverSent(error: unknown): boolean {
  const code = systemCode(error);
  return code !== undefined && NEVER_SENT.has(code);
}

function kindOf(error: unknown): ApiErrorCode & ('CertificateNotTrusted' | 'ConnectionFailed' | 'Unexpected') {
  const code = systemCode(error);
  if (code === undefined) return 'Unexpected';
  // Node's names for what OpenSSL and its own check of names find: nodejs.org/api/tls.html, "X509 certificate error codes".
  if (/CERT|ERR_TLS|UNABLE_TO_(GET|VERIFY)|CRL_|_SIGNATURE_|HOSTNAME_MISMATCH/.test(code))
    return 'CertificateNotTrusted';
  if (/^(UND_ERR_(SOCKET|CLOSED|DESTROYED|CONNECT|PRX|HEADERS_TIMEOUT|BODY_TIMEOUT)|HPE_|ERR_SSL|EPROTO)/.test(code))
    return 'ConnectionFailed';
  return /^E[A-Z]+$/.test(code) ? 'ConnectionFailed' : 'Unexpected';
}

function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function textOf(error: unknown): string {
  // Node tries all addresses of a name, and then throws one error without a text of its own.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(textOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
