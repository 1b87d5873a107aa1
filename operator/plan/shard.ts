import { createHash } from 'node:crypto';

/**
 * The poller, 0 to `count` - 1, that a mailbox belongs to. Other bits of the hash than those that choose the bucket, so
 * that the mailboxes of each shard fill all buckets alike.
 */
export function shardOf(uid: string, count: number): number {
  return createHash('sha256').update(uid).digest().readUInt32BE(4) % count;
}
