import { createHash } from 'node:crypto';

/** As many as the contract's folder layout has (workers/process/contract.ts). */
export const BUCKETS = 16;

/** The bucket, 0 to 15, that a connection's entry is in. */
export function bucketOf(uid: string): number {
  return (createHash('sha256').update(uid).digest()[0] ?? 0) % BUCKETS;
}
