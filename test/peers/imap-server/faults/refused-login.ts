import type { ImapFault } from '../fault.ts';

/** Answers every login with these words, such as `NO [EXPIRED] Password expired`. */
export function refusedLogin(words: string): ImapFault {
  return {
    command: ({ tag, name }, peer) => {
      if (name !== 'LOGIN' && name !== 'AUTHENTICATE') return false;
      peer.send(`${tag} ${words}\r\n`);
      return true;
    },
  };
}
