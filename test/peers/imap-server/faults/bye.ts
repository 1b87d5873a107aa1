import type { ImapFault } from '../fault.ts';

/** Sends BYE with these words instead of answering a command, and closes. */
export function byeAt(command: string, words: string): ImapFault {
  return {
    greeting: (peer) => {
      if (command !== 'GREETING') return undefined;
      setImmediate(() => peer.socket.end());
      return `* BYE ${words}\r\n`;
    },
    command: ({ name }, peer) => {
      if (name !== command) return false;
      peer.send(`* BYE ${words}\r\n`);
      peer.socket.end();
      return true;
    },
  };
}
