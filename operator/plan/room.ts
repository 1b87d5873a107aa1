import type { ConnectionEntry } from '../../workers/process/contract.ts';
import type { ObjectMeta } from '../api/resource.ts';
import { bucketOf } from './bucket.ts';
import { isOlder } from './conflict.ts';
import type { InputFault } from './inputs.ts';

const ENTRY_BYTES = 32 * 1024;
/** The API server takes no Secret above 1 MiB; the rest is for what stands around the entries. */
const BUCKET_BYTES = 900 * 1024;

/** An entry and the connection that it is of. */
export interface OwnedEntry {
  metadata: ObjectMeta;
  entry: ConnectionEntry;
}

/**
 * Entries that the configuration of one group has no room for, by uid: those that are too large, and of each bucket the
 * youngest that do not fit beside the others. The rest is served.
 */
export function roomFaults(group: readonly OwnedEntry[]): Map<string, InputFault> {
  const faults = new Map<string, InputFault>();
  const leaveOut = (uid: string, message: string) => faults.set(uid, { reason: 'QuotaExceeded', message });
  for (const bucket of Map.groupBy(group, ({ entry }) => bucketOf(entry.uid)).values()) {
    const sized = bucket.map((it) => ({ ...it, bytes: Buffer.byteLength(JSON.stringify(it.entry)) + 1 }));
    let used = 0;
    for (const { metadata, bytes } of sized.toSorted((a, b) => (isOlder(a.metadata, b.metadata) ? -1 : 1))) {
      if (bytes > ENTRY_BYTES) {
        leaveOut(
          metadata.uid,
          `The configuration of this connection has ${bytes} bytes, and at most ${ENTRY_BYTES} are taken: shorten spec.imap.caBundle to the certificates that are needed.`,
        );
      } else if (used + bytes > BUCKET_BYTES) {
        leaveOut(
          metadata.uid,
          'The configuration of the workers has no room left beside that of older connections: delete some, shorten their spec.imap.caBundle, or attach this one to another MailGateway.',
        );
      } else {
        used += bytes;
      }
    }
  }
  return faults;
}
