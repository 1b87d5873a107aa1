import { createHash } from 'node:crypto';

/** Crockford base32 in lower case; i, l, o and u are no digits and are not folded. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const DERIVED_LENGTH = 26;
const CHECK_LENGTH = 6;

/**
 * The six check characters of a journal address: the first 30 bits of SHA-256 over `mailhold-address-v1` NUL and the 26
 * characters before them. They tell a mistyped address (refused for good) from one that this receiver does not serve
 * yet or any more (deferred, since a stale configuration must lose no mail).
 */
export function checkCharacters(derived: string): string {
  const bits = createHash('sha256').update(`mailhold-address-v1\0${derived}`).digest().readUInt32BE(0) >>> 2;
  let text = '';
  for (let shift = 25; shift >= 0; shift -= 5) text += ALPHABET.charAt((bits >>> shift) & 31);
  return text;
}

/** True for a local part, in lower case, whose check characters fit: it is or was an address of some Mailhold. */
export function isJournalLocalPart(localPart: string): boolean {
  if (localPart.length !== DERIVED_LENGTH + CHECK_LENGTH) return false;
  for (const character of localPart) if (!ALPHABET.includes(character)) return false;
  return checkCharacters(localPart.slice(0, DERIVED_LENGTH)) === localPart.slice(DERIVED_LENGTH);
}
