import { isAscii, isUtf8 } from 'node:buffer';
import { type Path, parsePath } from './path.ts';
import { type Reply, replies } from './replies.ts';

/** The first four letters of a line as one number, in lower case: the verb, without making a string. */
export function foldVerb(line: Buffer): number {
  if (line.length < 4) return 0;
  return (line.readUInt32BE(0) | 0x20202020) >>> 0;
}

function verb(letters: string): number {
  return foldVerb(Buffer.from(letters));
}

export const Verb = {
  EHLO: verb('EHLO'),
  HELO: verb('HELO'),
  STARTTLS: verb('STAR'),
  MAIL: verb('MAIL'),
  RCPT: verb('RCPT'),
  DATA: verb('DATA'),
  BDAT: verb('BDAT'),
  RSET: verb('RSET'),
  NOOP: verb('NOOP'),
  QUIT: verb('QUIT'),
  VRFY: verb('VRFY'),
  EXPN: verb('EXPN'),
  HELP: verb('HELP'),
  AUTH: verb('AUTH'),
} as const;

export interface MailCommand {
  ok: true;
  path: Path;
  /** SIZE (RFC 1870) in bytes; 0 where it is not given. */
  size: number;
  /** BODY=BINARYMIME (RFC 3030): the message comes by BDAT only. */
  binary: boolean;
  smtpUtf8: boolean;
}

export interface RcptCommand {
  ok: true;
  path: Path;
}

export interface Refused {
  ok: false;
  reply: Reply;
}

const refused = (reply: Reply): Refused => ({ ok: false, reply });

/** A command line as text, or undefined where it is neither ASCII nor UTF-8. */
export function lineText(line: Buffer): string | undefined {
  if (isAscii(line)) return line.toString('latin1');
  return isUtf8(line) ? line.toString('utf8') : undefined;
}

/** `MAIL FROM:<path> [SIZE=n] [BODY=...] [SMTPUTF8]` (RFC 5321 4.1.1.2, RFC 1870, 6152, 3030, 6531). */
export function parseMail(line: Buffer): MailCommand | Refused {
  const text = lineText(line);
  const start = text === undefined ? -1 : behindKeyword(text, 'FROM:');
  const path = text === undefined || start === -1 ? undefined : parsePath(text, start);
  if (text === undefined || path === undefined) return refused(replies.senderSyntax);
  const command: MailCommand = { ok: true, path, size: 0, binary: false, smtpUtf8: false };
  const seen = new Set<string>();
  for (const { keyword, value } of parameters(text, path.end)) {
    if (seen.has(keyword)) return refused(replies.syntax);
    seen.add(keyword);
    switch (keyword) {
      case 'SIZE': {
        const size = octets(value);
        if (size === undefined) return refused(replies.syntax);
        command.size = size;
        break;
      }
      case 'BODY': {
        const body = value?.toUpperCase();
        if (body !== '7BIT' && body !== '8BITMIME' && body !== 'BINARYMIME') return refused(replies.syntax);
        command.binary = body === 'BINARYMIME';
        break;
      }
      case 'SMTPUTF8':
        if (value !== undefined) return refused(replies.syntax);
        command.smtpUtf8 = true;
        break;
      case '':
        return refused(replies.syntax);
      default:
        return refused(replies.unknownParameter);
    }
  }
  if (!command.smtpUtf8 && !isAscii(line)) return refused(replies.utf8NotDeclared);
  return command;
}

/** `RCPT TO:<path>`. No parameter is known: DSN (RFC 3461) is not offered. */
export function parseRcpt(line: Buffer, smtpUtf8: boolean): RcptCommand | Refused {
  const text = lineText(line);
  const start = text === undefined ? -1 : behindKeyword(text, 'TO:');
  const path = text === undefined || start === -1 ? undefined : parsePath(text, start);
  if (text === undefined || path === undefined || path.localPart === '') return refused(replies.recipientSyntax);
  for (const { keyword } of parameters(text, path.end)) {
    return refused(keyword === '' ? replies.syntax : replies.unknownParameter);
  }
  if (!smtpUtf8 && !isAscii(line)) return refused(replies.utf8NotDeclared);
  return { ok: true, path };
}

/**
 * Index of the path behind `FROM:` or `TO:`, or -1. Spaces behind the colon are against the grammar and common.
 */
function behindKeyword(text: string, keyword: string): number {
  const begin = 5;
  const end = begin + keyword.length;
  if (text.charCodeAt(4) !== 0x20 || text.slice(begin, end).toUpperCase() !== keyword) return -1;
  return skipSpaces(text, end);
}

interface Parameter {
  /** In upper case; empty where there is no well-formed keyword. */
  keyword: string;
  value: string | undefined;
}

function parameters(text: string, start: number): Parameter[] {
  const found: Parameter[] = [];
  let at = start;
  while (at < text.length) {
    // Something glued to the closing bracket is no parameter.
    if (text.charCodeAt(at) !== 0x20) return [{ keyword: '', value: undefined }];
    at = skipSpaces(text, at);
    if (at >= text.length) break;
    const space = text.indexOf(' ', at);
    const end = space === -1 ? text.length : space;
    const equals = text.indexOf('=', at);
    const split = equals === -1 || equals > end ? end : equals;
    const keyword = text.slice(at, split).toUpperCase();
    found.push({ keyword, value: split === end ? undefined : text.slice(split + 1, end) });
    at = end;
  }
  return found;
}

function skipSpaces(text: string, start: number): number {
  let at = start;
  while (text.charCodeAt(at) === 0x20) at += 1;
  return at;
}

/** Up to 20 digits (RFC 1870 6). */
function octets(text: string | undefined): number | undefined {
  if (text === undefined || text.length === 0 || text.length > 20) return undefined;
  let value = 0;
  for (let i = 0; i < text.length; i += 1) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}
