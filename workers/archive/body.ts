import { createHash, type Hash, hash } from 'node:crypto';
import type { ByteBudget } from '../process/byte-budget.ts';
import { FaultError } from '../process/fault-error.ts';
import type { Envelope, MessageBody, Stored } from './log.ts';
import type { LargeWriter } from './store.ts';

/** A body that streams to the disk asks its source to stop while more than this waits. */
const WAITING_BYTES = 256 * 1024;

/** Kept free at the beginning of a large segment for what is known only at its end. */
export const HEAD_ROOM = 8 * 1024;

export interface BodyOptions {
  /** Bytes from which a message does not join the group commit. */
  largeFrom: number;
  /** Bytes of bodies in memory, over the process. Where it is used up a body streams to the disk, however small. */
  memory: ByteBudget;
  openLarge: () => Promise<LargeWriter>;
  commitSmall: (parts: Buffer[], length: number, sha256: string, envelope: Envelope) => Promise<Stored>;
  commitLarge: (large: LargeWriter, length: number, sha256: string, envelope: Envelope) => Promise<Stored>;
  /** A store's error as it is told to callers. */
  fail: (error: unknown) => Error;
  ended: (body: MessageBody) => void;
}

/** The bytes of one message on their way into the log; see {@link MessageBody}. */
export function createBody(options: BodyOptions): MessageBody {
  const { memory } = options;
  let length = 0;
  let hasher: Hash | undefined;
  /** In memory: all parts. On the way to the disk: those that are not written yet. */
  let parts: Buffer[] = [];
  let waitingBytes = 0;
  let held = 0;
  let streaming = false;
  let over = false;
  let failure: Error | undefined;
  let large: LargeWriter | undefined;
  let pumping: Promise<void> | undefined;
  let draining: (() => void)[] = [];

  const release = (bytes: number): void => {
    const given = Math.min(held, bytes);
    held -= given;
    if (given > 0) memory.give(given);
  };
  const drain = (): void => {
    for (const resolve of draining) resolve();
    draining = [];
  };
  const fail = (error: unknown): void => {
    failure ??= options.fail(error);
    parts = [];
    waitingBytes = 0;
    release(held);
    drain();
  };
  const pump = async (): Promise<void> => {
    try {
      if (large === undefined) {
        large = await options.openLarge();
        await large.write([Buffer.alloc(HEAD_ROOM)]);
      }
      while (parts.length > 0 && !over) {
        const batch = parts;
        const bytes = waitingBytes;
        parts = [];
        waitingBytes = 0;
        await large.write(batch);
        release(bytes);
        if (waitingBytes <= WAITING_BYTES) drain();
      }
    } catch (error) {
      fail(error);
    }
    pumping = undefined;
    drain();
  };
  const digest = (chunk: Buffer): void => {
    const first = parts[0];
    if (hasher === undefined && first === undefined) return;
    // The second chunk brings the hasher in: a message of one chunk, the common case, is hashed in one call.
    hasher ??= createHash('sha256').update(first ?? chunk);
    hasher.update(chunk);
  };
  const finish = (): void => {
    over = true;
    release(held);
    options.ended(body);
  };

  const body: MessageBody = {
    get length() {
      return length;
    },
    write: (chunk) => {
      if (over || failure || chunk.length === 0) return true;
      digest(chunk);
      length += chunk.length;
      parts.push(chunk);
      waitingBytes += chunk.length;
      const fits = memory.tryTake(chunk.length);
      if (fits) held += chunk.length;
      if (!streaming && (length > options.largeFrom || !fits)) {
        // From here on parts leave memory, so the digest can no longer wait for the second one.
        hasher ??= createHash('sha256').update(chunk);
        streaming = true;
      }
      if (!streaming) return true;
      pumping ??= pump();
      return waitingBytes <= WAITING_BYTES;
    },
    drained: () => {
      if (!streaming || waitingBytes <= WAITING_BYTES || failure || over) return Promise.resolve();
      return new Promise((resolve) => draining.push(resolve));
    },
    commit: async (envelope) => {
      try {
        while (pumping) await pumping;
        if (failure) throw failure;
        if (over)
          throw new FaultError('ArchiveNotWritable', 'later', 'The message was given up before it was complete.');
        const sha256 = hasher ? hasher.digest('hex') : hash('sha256', parts[0] ?? '', 'hex');
        if (large === undefined) return await options.commitSmall(parts, length, sha256, envelope);
        const finished = large;
        large = undefined;
        return await options.commitLarge(finished, length, sha256, envelope);
      } finally {
        if (!over) finish();
        await large?.discard().catch(options.fail);
      }
    },
    abort: () => {
      if (over) return;
      finish();
      parts = [];
      drain();
      const discard = async (): Promise<void> => {
        await pumping;
        await large?.discard().catch(options.fail);
      };
      void discard();
    },
  };
  return body;
}
