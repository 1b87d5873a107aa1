import type { ImapFault } from '../fault.ts';

/** Never answers this command, and keeps the connection open. `GREETING` for a server that never speaks. */
export function stallAt(command: string): ImapFault {
  return {
    greeting: () => (command === 'GREETING' ? '' : undefined),
    command: ({ name }) => name === command,
  };
}
