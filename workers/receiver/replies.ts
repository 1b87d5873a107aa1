import type { Fault } from '../process/contract.ts';

/** One SMTP reply, built once. `line` ends in CRLF and goes on the wire; `text` is the same for facts and logs. */
export interface Reply {
  readonly line: string;
  readonly text: string;
  /** What the first digit means for a message (RFC 5321 4.2.1). */
  readonly kind: 'done' | 'deferred' | 'rejected';
  /** The peer breaks the protocol or guesses addresses; too many of these end a session. */
  readonly peerError: boolean;
}

function reply(code: number, enhanced: string, words: string): Reply {
  const text = `${code}${enhanced === '' ? '' : ` ${enhanced}`} ${words}`;
  return {
    line: `${text}\r\n`,
    text,
    kind: code < 400 ? 'done' : code < 500 ? 'deferred' : 'rejected',
    peerError: enhanced.startsWith('5.5.') || enhanced.startsWith('5.1.'),
  };
}

/**
 * Every fixed reply. A fault of ours, and every refusal that drifting configuration can cause, is 4xx, so that the
 * sender keeps the message; 5xx only for what no later attempt can change. Enhanced codes are those of RFC 3463.
 */
export const replies = {
  ok: reply(250, '2.0.0', 'OK'),
  senderOk: reply(250, '2.1.0', 'OK'),
  recipientOk: reply(250, '2.1.5', 'OK'),
  goAhead: reply(354, '', 'End data with <CRLF>.<CRLF>'),
  startTls: reply(220, '2.0.0', 'Ready to start TLS'),
  help: reply(214, '2.0.0', 'RFC 5321'),
  cannotVerify: reply(252, '2.5.0', 'Cannot verify; send the message'),
  goodbye: reply(221, '2.0.0', 'Goodbye'),

  notOurs: reply(550, '5.1.1', 'No such address here'),
  unknown: reply(450, '4.2.1', 'This address is not served now; try again later'),
  disabled: reply(450, '4.2.1', 'This connection is disabled; try again later'),
  disabledForGood: reply(550, '5.2.1', 'This connection is disabled'),
  outsideRanges: reply(450, '4.7.1', 'Your address is outside the sender ranges of this connection'),
  outsideRangesForGood: reply(550, '5.7.1', 'Your address is outside the sender ranges of this connection'),
  tlsRequired: reply(530, '5.7.0', 'Issue STARTTLS first'),
  tlsUnusable: reply(451, '4.7.0', 'TLS is required and does not work at the moment'),
  tlsTooOld: reply(451, '4.7.0', 'This connection requires a newer TLS version'),
  tlsNotAvailable: reply(454, '4.7.0', 'TLS not available due to a temporary reason'),
  tooBig: reply(552, '5.3.4', 'Message is larger than the size limit'),
  archiveFull: reply(452, '4.3.1', 'The archive has no free space; try again later'),
  archiveFault: reply(451, '4.3.0', 'The archive cannot take the message now; try again later'),
  overload: reply(452, '4.3.1', 'Too much mail in flight; try again later'),
  connectionBusy: reply(452, '4.3.1', 'Too many sessions of this connection; try again later'),
  tooManyRecipients: reply(452, '4.5.3', 'Too many recipients'),
  shutdown: reply(421, '4.3.2', 'Shutting down; try again later'),
  tooManySessions: reply(421, '4.3.2', 'Too many sessions; try again later'),
  tooManySessionsOfPeer: reply(421, '4.7.0', 'Too many sessions from your address; try again later'),
  tooManyErrors: reply(421, '4.7.0', 'Too many errors'),
  tooManyCommands: reply(421, '4.7.0', 'Too many commands without a message'),
  timeout: reply(421, '4.4.2', 'Timeout'),
  tooSlow: reply(421, '4.4.2', 'The message comes too slowly'),
  internalError: reply(421, '4.3.0', 'Internal error; try again later'),

  unrecognized: reply(500, '5.5.2', 'Command not recognized'),
  bareLineEnd: reply(500, '5.5.2', 'Command lines end with CRLF and hold no other CR, LF or NUL'),
  lineTooLong: reply(500, '5.5.6', 'Command line too long'),
  notImplemented: reply(502, '5.5.1', 'Command not implemented'),
  syntax: reply(501, '5.5.4', 'Syntax error in parameters'),
  heloSyntax: reply(501, '5.5.4', 'Give the name of your host'),
  senderSyntax: reply(501, '5.1.7', 'Bad sender address syntax'),
  recipientSyntax: reply(501, '5.1.3', 'Bad recipient address syntax'),
  unknownParameter: reply(555, '5.5.4', 'Parameter not recognized or not implemented'),
  utf8NotDeclared: reply(553, '5.6.7', 'Non-ASCII address without SMTPUTF8'),
  pipelinedBehindStartTls: reply(501, '5.5.1', 'Nothing may follow STARTTLS before the handshake'),
  tlsAlready: reply(503, '5.5.1', 'TLS is active already'),
  heloFirst: reply(503, '5.5.1', 'Send EHLO first'),
  mailAlready: reply(503, '5.5.1', 'Sender given already'),
  mailFirst: reply(503, '5.5.1', 'Send MAIL first'),
  recipientFirst: reply(503, '5.5.1', 'No valid recipient'),
  selfTestData: reply(503, '5.5.1', 'A self-test sends no message'),
  dataWithBinary: reply(503, '5.5.1', 'BINARYMIME requires BDAT'),
  dataAfterChunk: reply(503, '5.5.1', 'BDAT is in progress'),
  chunkAfterFailure: reply(503, '5.5.1', 'The message failed already; send RSET'),
  chunkSyntax: reply(501, '5.5.4', 'Bad BDAT size'),
} as const satisfies Record<string, Reply>;

/** The reply to a message that the archive could not take. */
export function replyToFault(fault: Pick<Fault, 'code'>): Reply {
  return fault.code === 'ArchiveFull' ? replies.archiveFull : replies.archiveFault;
}

/** The greeting and the two EHLO replies of a configuration, built when it is applied. */
export interface Greeting {
  readonly greeting: string;
  readonly helo: string;
  /** By whether STARTTLS is offered: before the handshake, where the certificate is usable. */
  readonly ehlo: string;
  readonly ehloWithStartTls: string;
}

/** @param messageBytes what SIZE advertises (RFC 1870) */
export function buildGreeting(hostName: string, messageBytes: number): Greeting {
  const extensions = [
    'PIPELINING',
    `SIZE ${messageBytes}`,
    '8BITMIME',
    'BINARYMIME',
    'CHUNKING',
    'SMTPUTF8',
    'ENHANCEDSTATUSCODES',
  ];
  const lines = (keywords: string[]): string =>
    [hostName, ...keywords].map((text, i, all) => `250${i === all.length - 1 ? ' ' : '-'}${text}\r\n`).join('');
  return {
    greeting: `220 ${hostName} ESMTP Mailhold\r\n`,
    helo: `250 ${hostName}\r\n`,
    ehlo: lines(extensions),
    ehloWithStartTls: lines(['STARTTLS', ...extensions]),
  };
}
