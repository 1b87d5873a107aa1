/** An address of MAIL or RCPT. */
export interface Path {
  /** As the peer wrote it, without angle brackets; empty: the null reverse-path. */
  text: string;
  /** Without quotes and escapes; the case is kept. */
  localPart: string;
  /** In lower case; empty for `<>` and `<postmaster>`. */
  domain: string;
  /** Index behind the closing bracket. */
  end: number;
}

/** RFC 5321 4.5.3.1.3 says 256; longer ones exist and cost nothing here. */
const LONGEST = 1_000;

/**
 * Reads `<path>` (RFC 5321 4.1.2) at `start`, with quoted local parts and source routes. Looser than the grammar in what
 * an address may be made of, since a journal's return path is not ours to judge, and strict in what ends it.
 *
 * @returns undefined where there is no well-formed path
 */
export function parsePath(line: string, start: number): Path | undefined {
  if (line.charCodeAt(start) !== 0x3c) return undefined;
  let at = start + 1;
  if (line.charCodeAt(at) === 0x3e) return { text: '', localPart: '', domain: '', end: at + 1 };
  if (line.charCodeAt(at) === 0x40) {
    // A source route is accepted and ignored (RFC 5321 4.1.1.3).
    const colon = line.indexOf(':', at);
    if (colon === -1 || line.slice(at, colon).includes('>')) return undefined;
    at = colon + 1;
  }
  const begin = at;
  const localPart = line.charCodeAt(at) === 0x22 ? quotedString(line, at) : plainWord(line, at, true);
  if (localPart === undefined || localPart.end === at) return undefined;
  at = localPart.end;
  let domain = '';
  if (line.charCodeAt(at) === 0x40) {
    const word = line.charCodeAt(at + 1) === 0x5b ? literal(line, at + 1) : plainWord(line, at + 1, false);
    if (word === undefined || word.end === at + 1) return undefined;
    domain = word.text.toLowerCase();
    at = word.end;
  }
  if (line.charCodeAt(at) !== 0x3e || at - begin > LONGEST) return undefined;
  return { text: line.slice(begin, at), localPart: localPart.text, domain, end: at + 1 };
}

interface Word {
  text: string;
  end: number;
}

/** Up to `@`, `>` or the end; no spaces, controls, quotes or brackets. */
function plainWord(line: string, start: number, local: boolean): Word | undefined {
  let at = start;
  for (; at < line.length; at += 1) {
    const code = line.charCodeAt(at);
    if (code === 0x3e || (local && code === 0x40)) break;
    if (code <= 0x20 || code === 0x7f || code === 0x22 || code === 0x3c || code === 0x40 || code === 0x5c)
      return undefined;
  }
  return { text: line.slice(start, at), end: at };
}

/** `"..."` with `\` before any printable character. */
function quotedString(line: string, start: number): Word | undefined {
  let text = '';
  for (let at = start + 1; at < line.length; at += 1) {
    let code = line.charCodeAt(at);
    if (code === 0x22) return { text, end: at + 1 };
    if (code === 0x5c) {
      at += 1;
      if (at >= line.length) return undefined;
      code = line.charCodeAt(at);
    }
    if (code < 0x20 || code === 0x7f) return undefined;
    text += line.charAt(at);
  }
  return undefined;
}

/** `[192.0.2.1]`, `[IPv6:...]`. */
function literal(line: string, start: number): Word | undefined {
  const close = line.indexOf(']', start);
  if (close === -1) return undefined;
  const text = line.slice(start, close + 1);
  for (let i = 0; i < text.length; i += 1) if (text.charCodeAt(i) <= 0x20 || text.charAt(i) === '>') return undefined;
  return { text, end: close + 1 };
}
