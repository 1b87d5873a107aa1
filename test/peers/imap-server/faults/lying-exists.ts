import type { ImapFault } from '../fault.ts';

/** Says that the folder holds so many messages, whatever it holds. */
export function lyingExists(count: number): ImapFault {
  return { exists: () => count };
}
