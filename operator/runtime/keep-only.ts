/**
 * Forgets what is no longer there.
 *
 * @param known a map or a set, by key
 * @param present tells of a key whether it is still there
 */
export function keepOnly<K>(
  known: { keys(): Iterable<K>; delete(key: K): boolean },
  present: { has(key: K): boolean },
): void {
  for (const key of known.keys()) if (!present.has(key)) known.delete(key);
}
