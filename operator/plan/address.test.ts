import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { deriveLocalPart, isLocalPart, keyFingerprint } from './address.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const KEY = Buffer.from('00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff', 'hex');
const CHECK_AREA = 26;

const key = fc.uint8Array({ minLength: 16, maxLength: 64 });
const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const localPart = fc
  .tuple(key, name, name, fc.integer({ min: 1, max: 1_000_000 }))
  .map(([bytes, namespace, own, generation]) => deriveLocalPart(bytes, namespace, own, generation));
/** A seed is fixed where a failure is possible by chance, once in 2^30. */
const SETTLED = { seed: 20261125, numRuns: 500 };

test('an address never changes: it is derived from key, namespace, name and generation alone', () => {
  assert.equal(deriveLocalPart(KEY, 'contoso', 'journal', 1), 'edrynthz298yvdzezs995knhnh57b8jw');
});

test('a derived local part has 32 characters of Crockford base32 in lower case, and its check characters fit', () => {
  fc.assert(
    fc.property(localPart, (text) => {
      assert.match(text, /^[0-9a-hjkmnp-tv-z]{32}$/);
      assert.ok(isLocalPart(text));
    }),
  );
});

test('every part of the identity changes the address', () => {
  const base = deriveLocalPart(KEY, 'contoso', 'journal', 1);
  const others = [
    deriveLocalPart(KEY, 'contoso', 'journal', 2),
    deriveLocalPart(KEY, 'contoso', 'journals', 1),
    deriveLocalPart(KEY, 'contos', 'ojournal', 1),
    deriveLocalPart(KEY, 'fabrikam', 'journal', 1),
    deriveLocalPart(Buffer.alloc(32), 'contoso', 'journal', 1),
  ];
  assert.equal(new Set([base, ...others]).size, others.length + 1);
});

test('any change within the check characters alone is found, always', () => {
  fc.assert(
    fc.property(localPart, fc.array(fc.constantFrom(...ALPHABET), { minLength: 6, maxLength: 6 }), (text, tail) => {
      const changed = text.slice(0, CHECK_AREA) + tail.join('');
      assert.equal(isLocalPart(changed), changed === text);
    }),
  );
});

test('a swap of neighbours within the check characters is found, always', () => {
  fc.assert(
    fc.property(localPart, fc.integer({ min: CHECK_AREA, max: 30 }), (text, at) => {
      const swapped = swap(text, at);
      assert.equal(isLocalPart(swapped), swapped === text);
    }),
  );
});

test('a changed character anywhere is found (but for a chance of 2^-30)', () => {
  fc.assert(
    fc.property(localPart, fc.integer({ min: 0, max: 31 }), fc.constantFrom(...ALPHABET), (text, at, character) => {
      const changed = text.slice(0, at) + character + text.slice(at + 1);
      assert.equal(isLocalPart(changed), changed === text);
    }),
    SETTLED,
  );
});

test('a swap of neighbours anywhere is found (but for a chance of 2^-30)', () => {
  fc.assert(
    fc.property(localPart, fc.integer({ min: 0, max: 30 }), (text, at) => {
      const swapped = swap(text, at);
      assert.equal(isLocalPart(swapped), swapped === text);
    }),
    SETTLED,
  );
});

test('what does not look like an address of ours is none', () => {
  const text = deriveLocalPart(KEY, 'contoso', 'journal', 1);
  for (const other of ['', text.slice(1), `${text}0`, text.toUpperCase(), ` ${text}`, `${text}\n`, 'i'.repeat(32)]) {
    assert.equal(isLocalPart(other), false, JSON.stringify(other));
  }
  fc.assert(fc.property(fc.string({ maxLength: 64 }), (other) => !isLocalPart(other)));
});

test('the fingerprint recognises a key and does not hold it', () => {
  assert.match(keyFingerprint(KEY), /^[0-9a-f]{16}$/);
  assert.notEqual(keyFingerprint(KEY), keyFingerprint(Buffer.alloc(32)));
  assert.ok(!KEY.toString('hex').includes(keyFingerprint(KEY)));
});

function swap(text: string, at: number): string {
  return text.slice(0, at) + text.charAt(at + 1) + text.charAt(at) + text.slice(at + 2);
}
