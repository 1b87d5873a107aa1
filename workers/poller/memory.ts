import type { Position } from '../archive/log.ts';
import { readMark } from '../archive/mark.ts';
import { readArchive } from '../archive/reader.ts';
import type { Store } from '../archive/store.ts';
import type { Epoch } from './cursor.ts';

/** Type of the event that notes a message whose bytes the archive holds already. */
export const SIGHTING = 'sighting';

/** What the archive remembers of one message of a mailbox. */
export interface Remembered {
  epoch: Epoch;
  uid: number;
  sha256: string;
  /** Record of the bytes; absent for a sighting. */
  position?: Position;
}

/** Data of a sighting event. */
export interface Sighting extends Record<string, unknown>, Epoch {
  connection: string;
  uid: number;
  sha256: string;
  length: number;
}

/** What was archived before, read from the log. */
export interface ArchiveMemory {
  /** True where the log has this record for certain. */
  holds(position: Position): Promise<boolean>;
  /** Calls `visit` for each message and sighting of a connection. Reads the whole log, once for all who ask meanwhile. */
  recall(connection: string, visit: (remembered: Remembered) => void): Promise<void>;
}

export function createArchiveMemory(store: () => Promise<Store>): ArchiveMemory {
  let next: { visits: Map<string, ((remembered: Remembered) => void)[]>; done: Promise<void> } | undefined;
  let running: Promise<unknown> = Promise.resolve();

  return {
    holds: async ({ writer, number }) => {
      const mark = await readMark(await store(), writer);
      return mark !== undefined && mark.durable >= number;
    },
    recall: (connection, visit) => {
      if (next === undefined) {
        const visits = new Map<string, ((remembered: Remembered) => void)[]>();
        const begin = async (): Promise<void> => {
          next = undefined;
          await read(await store(), visits);
        };
        const done = running.then(begin, begin);
        running = done.catch((error: unknown) => error);
        next = { visits, done };
      }
      next.visits.set(connection, [...(next.visits.get(connection) ?? []), visit]);
      return next.done;
    },
  };
}

async function read(store: Store, visits: ReadonlyMap<string, ((remembered: Remembered) => void)[]>): Promise<void> {
  for await (const item of readArchive(store)) {
    if (item.kind === 'message' && item.metadata.capture.kind === 'imap') {
      const { capture, sha256, targets } = item.metadata;
      const { host, user, folder, uidValidity, uid } = capture;
      const remembered: Remembered = {
        epoch: { host, user, folder, uidValidity },
        uid,
        sha256,
        position: item.position,
      };
      for (const target of targets) for (const visit of visits.get(target.uid) ?? []) visit(remembered);
    } else if (item.kind === 'event' && item.metadata.type === SIGHTING) {
      const { connection, host, user, folder, uidValidity, uid, sha256 } = item.metadata.data as Sighting;
      const remembered: Remembered = { epoch: { host, user, folder, uidValidity }, uid, sha256 };
      for (const visit of visits.get(connection) ?? []) visit(remembered);
    }
  }
}
