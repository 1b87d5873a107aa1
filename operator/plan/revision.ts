import { createHash } from 'node:crypto';

/** The revision of a configuration: SHA-256, in hex, of its canonical JSON without the revision itself. */
export function withRevision<T extends object>(configuration: T): T & { revision: string } {
  return { ...configuration, revision: createHash('sha256').update(canonicalJSON(configuration)).digest('hex') };
}

/** JSON with sorted keys and without undefined fields, so that equal values give equal texts. */
export function canonicalJSON(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
