import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SMTP, sceneOf, served } from '../../test/plan-scene.ts';
import { deriveLocalPart } from './address.ts';
import { type AddressCache, derivationWith } from './derivation.ts';
import { plan } from './plan.ts';

const KEY = Buffer.alloc(32, 7);
const OTHER = Buffer.alloc(32, 8);

test('a cache changes no address, of whatever key, name or generation', () => {
  const cache: AddressCache = new Map();
  for (let round = 0; round < 2; round++) {
    for (const key of [KEY, OTHER]) {
      const derive = derivationWith(key, cache);
      for (const [namespace, name, generation] of [
        ['a', 'b', 1],
        ['a', 'b', 2],
        ['ab', '', 1],
      ] as const) {
        assert.equal(derive(namespace, name, generation), deriveLocalPart(key, namespace, name, generation));
      }
    }
  }
  assert.equal(cache.size, 6);
});

test('a plan with the cache of an earlier one is the same', () => {
  const input = served(sceneOf(SMTP));
  const addressCache: AddressCache = new Map();
  const first = plan({ ...input, addressCache });
  assert.equal(addressCache.size, 1);
  assert.deepEqual(plan({ ...input, addressCache }), first);
  assert.deepEqual(plan(input), first);
});
