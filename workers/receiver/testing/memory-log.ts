import { createHash } from 'node:crypto';
import type { ArchiveLog, Envelope, MessageBody, Stored } from '../../archive/log.ts';
import type { FaultError } from '../../process/fault-error.ts';

export interface MemoryLog extends ArchiveLog {
  readonly kept: { bytes: Buffer; envelope: Envelope }[];
  readonly aborted: number;
  /** What `begin` throws from now on, undefined: nothing. */
  refuseBegin(fault: FaultError | undefined): void;
  /** What `commit` throws from now on. */
  refuseCommit(fault: FaultError | undefined): void;
  /** Commits wait until `release`. */
  hold(): void;
  release(): void;
  /** `write` says that it has enough, until `feed`. */
  starve(): void;
  feed(fault?: FaultError): void;
}

/**
 * A fake archive log: for faults and moments that the real one cannot be made to show (a full disk in the middle of one
 * message, a commit that takes as long as the test wants). Sessions are tested with the real one beside it.
 */
export function memoryLog(): MemoryLog {
  const kept: MemoryLog['kept'] = [];
  const listeners: (() => void)[] = [];
  let aborted = 0;
  let beginFault: FaultError | undefined;
  let commitFault: FaultError | undefined;
  let held: Promise<void> = Promise.resolve();
  let release: () => void = () => undefined;
  let full = false;
  let fed: Promise<void> = Promise.resolve();
  let feed: (fault?: FaultError) => void = () => undefined;

  const store = (bytes: Buffer, envelope: Envelope): Stored => {
    kept.push({ bytes, envelope });
    return {
      position: { writer: 'memory', number: kept.length },
      length: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    };
  };
  const begin = (): MessageBody => {
    if (beginFault !== undefined) throw beginFault;
    const chunks: Buffer[] = [];
    let length = 0;
    return {
      get length() {
        return length;
      },
      write: (chunk) => {
        chunks.push(chunk);
        length += chunk.length;
        return !full;
      },
      drained: () => fed,
      commit: async (envelope) => {
        await held;
        if (commitFault !== undefined) throw commitFault;
        return store(Buffer.concat(chunks), envelope);
      },
      abort: () => {
        aborted += 1;
      },
    };
  };
  return {
    archiveId: 'memory',
    writer: 'memory',
    kept,
    get aborted() {
      return aborted;
    },
    begin,
    append: async (bytes, envelope) => store(bytes, envelope),
    appendEvent: async () => ({ writer: 'memory', number: kept.length }),
    get fault() {
      return beginFault?.toFault();
    },
    onChange: (listener) => listeners.push(listener),
    lastCommitAt: undefined,
    freeBytes: undefined,
    close: async () => undefined,
    refuseBegin: (fault) => {
      beginFault = fault;
      for (const listener of listeners) listener();
    },
    refuseCommit: (fault) => {
      commitFault = fault;
    },
    hold: () => {
      held = new Promise((resolve) => {
        release = resolve;
      });
    },
    release: () => release(),
    starve: () => {
      full = true;
      fed = new Promise((resolve, reject) => {
        feed = (fault) => (fault ? reject(fault) : resolve());
      });
    },
    feed: (fault) => {
      full = false;
      feed(fault);
    },
  };
}
