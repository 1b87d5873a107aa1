import { deriveLocalPart, keyFingerprint } from './address.ts';

/** Local parts that were derived before. It may be lost at any time. */
export type AddressCache = Map<string, string>;

/** Far more than a cluster has connections; what is deleted leaves with the rest when this is reached. */
const MOST_CACHED = 65_536;

/** The local part of a connection by namespace, name and generation. */
export type Derivation = (namespace: string, name: string, addressGeneration: number) => string;

/**
 * The derivation with one gateway's key: an HMAC for each local part that is not in the cache.
 *
 * @param key raw bytes
 */
export function derivationWith(key: Uint8Array, cache: AddressCache = new Map()): Derivation {
  const fingerprint = keyFingerprint(key);
  return (namespace, name, addressGeneration) => {
    const identity = `${fingerprint}\0${namespace}\0${name}\0${addressGeneration}`;
    const known = cache.get(identity);
    if (known !== undefined) return known;
    const derived = deriveLocalPart(key, namespace, name, addressGeneration);
    if (cache.size >= MOST_CACHED) cache.clear();
    cache.set(identity, derived);
    return derived;
  };
}
