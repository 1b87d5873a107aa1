/** One write and one sync carry at most so many bytes, so that a lone small message does not wait for a long one. */
const BYTES_PER_COMMIT = 2 * 1024 * 1024;
/** With three or more buffers for a message this stays near the buffers that one writev takes. */
const ENTRIES_PER_COMMIT = 300;

/** One record on its way to the disk. */
export interface CommitEntry {
  number: number;
  parts: Buffer[];
  bytes: number;
  /** Bytes of the message, undefined for an event. */
  messageBytes: number | undefined;
  resolve: () => void;
  reject: (error: unknown) => void;
}

export interface GroupCommit {
  add(entry: CommitEntry): void;
  /** Resolves when nothing waits and nothing is under way. */
  idle(): Promise<void>;
}

/**
 * Collects records and commits them in groups: one batch is under way at a time, and the next one is all that came
 * meanwhile, up to the bounds. Nothing is delayed to make groups larger: a record that comes alone is written at the
 * end of the present turn of the event loop, and under load the sync itself is the pause in which a group gathers.
 *
 * @param commit resolves when the batch is durable; a rejection is that of every entry in it
 */
export function createGroupCommit(commit: (batch: readonly CommitEntry[]) => Promise<void>): GroupCommit {
  let waiting: CommitEntry[] = [];
  let armed = false;
  let underWay = false;
  let resting: (() => void)[] = [];

  const next = (): void => {
    armed = false;
    const batch = takeBatch();
    if (batch.length === 0) {
      for (const rest of resting) rest();
      resting = [];
      return;
    }
    underWay = true;
    commit(batch).then(
      () => {
        underWay = false;
        // The next write starts before the acknowledgements of this one are sent: the disk is the slower part.
        next();
        for (const entry of batch) entry.resolve();
      },
      (error: unknown) => {
        underWay = false;
        for (const entry of batch) entry.reject(error);
        next();
      },
    );
  };
  const takeBatch = (): CommitEntry[] => {
    let bytes = 0;
    let count = 0;
    for (const entry of waiting) {
      if (count > 0 && (bytes + entry.bytes > BYTES_PER_COMMIT || count === ENTRIES_PER_COMMIT)) break;
      bytes += entry.bytes;
      count += 1;
    }
    const batch = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return batch;
  };

  return {
    add: (entry) => {
      waiting.push(entry);
      if (armed || underWay) return;
      armed = true;
      setImmediate(next);
    },
    idle: () => {
      if (!armed && !underWay) return Promise.resolve();
      return new Promise((resolve) => resting.push(resolve));
    },
  };
}
