import type { FaultCode, Retry, Stage } from '../process/contract.ts';
import { FaultError, printable } from '../process/fault-error.ts';

/** Where it happened. */
export interface FaultContext {
  stage: Stage | undefined;
  host: string;
  port: number;
  folder?: string;
  /** Text of the server's BYE, if it sent one. */
  bye?: string | undefined;
}

/** What imapflow and node put on their errors. */
interface ForeignError {
  name?: string;
  message?: string;
  code?: string;
  authenticationFailed?: boolean;
  tlsFailed?: boolean;
  mailboxMissing?: boolean;
  serverResponseCode?: string | false;
  response?: unknown;
  responseStatus?: string;
  responseText?: string;
  throttleReset?: number;
  /** OpenSSL's words without its file names. */
  reason?: string;
}

type Verdict = readonly [FaultCode, Retry];

/** RFC 5530 section 3, and RFC 3501 section 7.1. What is permanent must not be hammered. */
const RESPONSE_CODES: Readonly<Record<string, Verdict>> = {
  AUTHENTICATIONFAILED: ['AuthenticationFailed', 'never'],
  AUTHORIZATIONFAILED: ['AuthenticationFailed', 'never'],
  EXPIRED: ['AuthenticationFailed', 'never'],
  PRIVACYREQUIRED: ['AuthenticationFailed', 'never'],
  CONTACTADMIN: ['AuthenticationFailed', 'never'],
  NOPERM: ['ServerRefused', 'never'],
  CANNOT: ['ServerRefused', 'never'],
  NONEXISTENT: ['FolderNotFound', 'never'],
  TRYCREATE: ['FolderNotFound', 'never'],
  UNAVAILABLE: ['ServerRefused', 'later'],
  INUSE: ['ServerRefused', 'later'],
  SERVERBUG: ['ServerRefused', 'later'],
  CORRUPTION: ['ServerRefused', 'later'],
  LIMIT: ['Throttled', 'later'],
};

/** Exchange Online says these without a code, also in answer to LOGIN, where they say nothing of the password. */
const SERVER_TEXTS: readonly (readonly [RegExp, Verdict])[] = [
  [/user is authenticated but not connected/i, ['ServerRefused', 'later']],
  [
    /throttled|too many (?:simultaneous )?(?:connections|sessions)|maximum number of connections/i,
    ['Throttled', 'later'],
  ],
  [/temporar|try again later|server (?:is )?(?:busy|unavailable)/i, ['ServerRefused', 'later']],
];
const BACKOFF = /suggested backoff time: (\d{1,9}) milliseconds/i;

/** X509_verify_cert errors, as node:tls names them, and its own for the name. */
const VERIFICATION =
  /^(?:ERR_TLS_CERT_ALTNAME_INVALID|CERT_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|CRL_|ERROR_IN_CERT)/;
const DNS = /^(?:ENOTFOUND|EAI_|ENODATA|ESERVFAIL|EREFUSED|ENONAME|EBADNAME|ECANCELLED)/;
const HANDSHAKE = /^(?:ERR_SSL_|ERR_TLS_|EPROTO$)/;

/** Any error of a session as a fault that says where it happened and what the server said. */
export function faultOf(error: unknown, context: FaultContext): FaultError {
  if (error instanceof FaultError) return error;
  const foreign: ForeignError = typeof error === 'object' && error !== null ? error : {};
  const text = serverText(foreign) ?? (context.bye === undefined ? undefined : `BYE ${context.bye}`);
  if (text !== undefined) return refusal(text, foreign, context, error);
  return failure(foreign, context, error);
}

/** The server answered NO, BAD or BYE. */
export function refusal(text: string, foreign: ForeignError, context: FaultContext, cause?: unknown): FaultError {
  const [code, retry] = verdict(text, foreign, context);
  const suggested = BACKOFF.exec(text)?.[1];
  const retryAfterMs = suggested === undefined ? foreign.throttleReset : Number(suggested);
  return new FaultError(code, retry, `${context.host} ${REFUSED[context.stage ?? 'read']}: "${printable(text)}"`, {
    serverText: text,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    cause,
  });
}

const REFUSED: Readonly<Record<Stage, string>> = {
  resolve: 'refused',
  connect: 'refused the connection',
  greet: 'refused the session',
  tls: 'refused TLS',
  authenticate: 'refused the login',
  select: 'refused the folder',
  read: 'refused to give messages',
  recipient: 'refused',
};

function verdict(text: string, foreign: ForeignError, context: FaultContext): Verdict {
  const code = foreign.serverResponseCode || /\[([A-Z][A-Z0-9-]*)[\] ]/i.exec(text)?.[1];
  // Exchange sends its own words even beside a code, and they say more.
  const known = SERVER_TEXTS.find(([pattern]) => pattern.test(text))?.[1];
  if (known) return known;
  const byCode = code === undefined ? undefined : RESPONSE_CODES[code.toUpperCase()];
  if (byCode) return byCode;
  const bye = /^BYE\b/i.test(text);
  switch (context.stage) {
    case 'authenticate':
      return bye ? ['ServerRefused', 'later'] : ['AuthenticationFailed', 'never'];
    case 'select':
      return foreign.mailboxMissing || /^NO\b/i.test(text) ? ['FolderNotFound', 'never'] : ['ServerRefused', 'later'];
    default:
      return ['ServerRefused', 'later'];
  }
}

/** Nobody answered, or not in a way that the protocol knows. */
function failure(foreign: ForeignError, context: FaultContext, cause: unknown): FaultError {
  const { host, port, folder, stage } = context;
  const code = foreign.code ?? '';
  const fault = (faultCode: FaultCode, retry: Retry, message: string): FaultError =>
    new FaultError(faultCode, retry, message, { cause });

  if (foreign.mailboxMissing) return fault('FolderNotFound', 'never', `${host} has no folder "${folder ?? ''}".`);
  if (VERIFICATION.test(code)) {
    const why = UNVERIFIED[code] ?? words(foreign);
    return fault('TLSVerificationFailed', 'never', `The certificate of ${host} does not hold: ${why}.`);
  }
  if (foreign.tlsFailed && code === '') {
    return fault('TLSFailed', 'never', `${host} port ${port} does not offer STARTTLS, so nothing was sent to it.`);
  }
  if (stage === 'resolve') {
    const why =
      foreign.name === 'TimeoutError' ? 'the name server did not answer in time' : `${code || words(foreign)}`;
    return fault('DNSFailed', 'later', `The name ${host} could not be resolved: ${why}.`);
  }
  if (DNS.test(code)) return fault('DNSFailed', 'later', `The name ${host} could not be resolved: ${code}.`);
  if (code === 'ECONNREFUSED') {
    return fault('ConnectionRefused', 'later', `Nothing accepts connections at ${host} port ${port}.`);
  }
  if (foreign.name === 'TimeoutError' || TIMEOUTS.has(code)) {
    return fault('ConnectionFailed', 'later', `${host} port ${port} ${SILENT[stage ?? 'read']}.`);
  }
  if (HANDSHAKE.test(code) || foreign.tlsFailed || stage === 'tls') {
    const why = code === 'ERR_SSL_WRONG_VERSION_NUMBER' ? NO_TLS : (foreign.reason ?? words(foreign));
    return fault('TLSFailed', 'later', `TLS with ${host} port ${port} failed: ${why}.`);
  }
  if (PROTOCOL.test(code)) {
    return fault('ProtocolError', 'later', `${host} port ${port} sent what is not IMAP: ${words(foreign)}.`);
  }
  if (foreign.authenticationFailed) {
    return fault('AuthenticationFailed', 'never', `${host} offers no way to log in that fits: ${words(foreign)}.`);
  }
  return fault('ConnectionFailed', 'later', `The connection to ${host} port ${port} broke: ${words(foreign)}.`);
}

/** Node's words for these speak to programmers. */
const UNVERIFIED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed; put it into the CA bundle if you trust it',
  SELF_SIGNED_CERT_IN_CHAIN: 'its root is not trusted; put the root into the CA bundle if you trust it',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its issuer is not trusted, or the server leaves out the intermediate certificate',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its issuer is not trusted, or the server leaves out the intermediate certificate',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
};
const NO_TLS = 'the server does not begin with TLS at this port; it may want STARTTLS';

const TIMEOUTS: ReadonlySet<string> = new Set([
  'ETIMEDOUT',
  'ETIMEOUT',
  'CONNECT_TIMEOUT',
  'GREETING_TIMEOUT',
  'UPGRADE_TIMEOUT',
]);
const PROTOCOL =
  /^(?:ParserError|InvalidResponse|UnexpectedTag|MissingTag|ResponseProcessingFailed|LineTooLarge|LiteralTooLarge|ResponseTooLarge|TooMany|STARTTLS_INJECTION|MAX_IMAP_NESTING)/;

const SILENT: Readonly<Record<Stage, string>> = {
  resolve: 'did not answer in time',
  connect: 'did not accept the connection in time',
  greet: 'accepted the connection and then sent no greeting in time',
  tls: 'did not finish the TLS handshake in time',
  authenticate: 'did not answer the login in time',
  select: 'did not answer when the folder was opened',
  read: 'stopped sending in the middle of its answer',
  recipient: 'did not answer in time',
};

/** The answer without its tag: `NO [AUTHENTICATIONFAILED] Invalid credentials`. */
function serverText({ response, responseStatus, responseText }: ForeignError): string | undefined {
  if (typeof response === 'string' && response !== '') return response.replace(/^\S+ (?=(?:NO|BAD|BYE)\b)/i, '');
  // Of most commands imapflow gives the answer taken apart, with the response code beside the text.
  if (responseStatus !== 'NO' && responseStatus !== 'BAD') return undefined;
  const code = responseCode(response);
  return [responseStatus, code && `[${code}]`, responseText].filter(Boolean).join(' ');
}

function responseCode(response: unknown): string | undefined {
  const parsed = response as { attributes?: { section?: { value?: unknown }[] }[] } | undefined;
  const value = parsed?.attributes?.[0]?.section?.[0]?.value;
  return typeof value === 'string' ? value : undefined;
}

/** Why, from a text of node or imapflow, without the full stop that we add. */
function words({ message, code }: ForeignError): string {
  return printable(message || code || 'no reason was given').replace(/[.:]+$/, '');
}
