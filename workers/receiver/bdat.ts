/** A BDAT command: how many octets follow its line, and whether they are the last of the message (RFC 3030). */
export interface Chunk {
  size: number;
  last: boolean;
}

const MOST_DIGITS = 15;

/**
 * @param text the command line behind `BDAT`
 * @returns undefined where the size cannot be read. Nobody knows then where the next command begins, so the session
 *   must end.
 */
export function parseChunk(text: string): Chunk | undefined {
  const words = text
    .trim()
    .split(' ')
    .filter((word) => word !== '');
  const [digits = '', mark] = words;
  if (digits.length === 0 || digits.length > MOST_DIGITS || words.length > 2) return undefined;
  let size = 0;
  for (let i = 0; i < digits.length; i += 1) {
    const digit = digits.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    size = size * 10 + digit;
  }
  if (mark !== undefined && mark.toUpperCase() !== 'LAST') return undefined;
  return { size, last: mark !== undefined };
}
