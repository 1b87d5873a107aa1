import type { ImapFault } from '../fault.ts';

/** Sends messages as quoted strings instead of literals, which the grammar allows (RFC 3501 section 9, nstring). */
export function quotedBody(): ImapFault {
  return {
    body: (bytes) => {
      const text = bytes.toString('latin1');
      // A quoted string holds neither line ends nor NUL.
      return /[\r\n\0]/.test(text) ? undefined : `"${text.replace(/["\\]/g, '\\$&')}"`;
    },
  };
}
