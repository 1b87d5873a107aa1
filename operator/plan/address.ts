import { createHash, createHmac } from 'node:crypto';

/** Crockford base32 in lower case: no i, l, o, u. Not folded, so that an address has one spelling. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const DERIVED_CHARACTERS = 26;
const CHECK_CHARACTERS = 6;
const SHAPE = /^[0-9a-hjkmnp-tv-z]{32}$/;

/**
 * The local part of a journal address: 26 characters (130 bits) of HMAC-SHA-256 over the identity, then 6 check
 * characters. It depends on nothing but its input, so an address survives loss of status, re-creation and restore.
 *
 * @param key the gateway's address key, raw bytes
 */
export function deriveLocalPart(key: Uint8Array, namespace: string, name: string, addressGeneration: number): string {
  const mac = createHmac('sha256', key).update(`v1\0${namespace}\0${name}\0${addressGeneration}`).digest();
  const derived = base32(mac, DERIVED_CHARACTERS);
  return derived + checkCharacters(derived);
}

/**
 * Whether the text has the shape of our local parts and its check characters fit. A change of check characters alone is
 * always found; any other change passes with a probability of 2^-30. Expects lower case: a receiver folds before it asks.
 */
export function isLocalPart(text: string): boolean {
  if (!SHAPE.test(text)) return false;
  return checkCharacters(text.slice(0, DERIVED_CHARACTERS)) === text.slice(DERIVED_CHARACTERS);
}

/** What stands in status to recognise the key: 16 hex digits that do not help to guess it. */
export function keyFingerprint(key: Uint8Array): string {
  return createHash('sha256').update('mailhold-address-key\0').update(key).digest('hex').slice(0, 16);
}

function checkCharacters(derived: string): string {
  return base32(createHash('sha256').update(`mailhold-address-v1\0${derived}`).digest(), CHECK_CHARACTERS);
}

/** The first `count` groups of five bits, most significant first. */
function base32(bytes: Uint8Array, count: number): string {
  let text = '';
  for (let index = 0; index < count; index++) {
    const bit = index * 5;
    const pair = ((bytes[bit >> 3] ?? 0) << 8) | (bytes[(bit >> 3) + 1] ?? 0);
    text += ALPHABET[(pair >> (11 - (bit & 7))) & 31];
  }
  return text;
}
