import type { ImapFault } from '../fault.ts';

/** Refuses a login while another session is logged in. */
export function oneSession(words = 'NO [LIMIT] Only one session is allowed'): ImapFault {
  return {
    command: ({ tag, name }, peer) => {
      if ((name !== 'LOGIN' && name !== 'AUTHENTICATE') || peer.sessions === 0) return false;
      peer.send(`${tag} ${words}\r\n`);
      return true;
    },
  };
}
