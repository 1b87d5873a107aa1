import { test } from 'node:test';
import fc from 'fast-check';
import { deriveLocalPart, isLocalPart } from '../operator/plan/address.ts';
import { isJournalLocalPart } from '../workers/receiver/address.ts';

const KEY = fc.uint8Array({ minLength: 32, maxLength: 32 });

test('the operator and the receiver agree on what an address of ours is', () => {
  const derived = fc.tuple(KEY, fc.string(), fc.string(), fc.nat()).map((parts) => deriveLocalPart(...parts));
  const other = fc.stringMatching(/^[0-9a-z]{31,33}$/);
  fc.assert(fc.property(derived, (text) => isJournalLocalPart(text)));
  fc.assert(
    fc.property(fc.oneof(derived, other, fc.string()), (text) => isLocalPart(text) === isJournalLocalPart(text)),
  );
});
