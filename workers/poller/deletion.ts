import type { Position } from '../archive/log.ts';
import type { Logger } from '../process/logger.ts';
import type { ReadBack } from './read-back.ts';
import { sequenceSet } from './uid-set.ts';

/** Messages that are read back and expunged together. */
const BATCH = 200;

export interface DeletionOptions {
  readBack: ReadBack;
  /** Expunges exactly these UIDs, given as a sequence-set (RFC 4315 section 2.1). Throws FaultError. */
  expunge(uids: string): Promise<void>;
  /** So many are gone at the source. */
  onDeleted(count: number): void;
  logger: Logger;
}

/** Deletes at the source what is archived for certain. Idempotent: a UID that is gone already is no error. */
export interface Deletion {
  /** This message is durable at this position. Resolves when it, or the batch that it fills, was dealt with. */
  archived(uid: number, position: Position, sha256: string): Promise<void>;
  /** Deals with what is left. */
  finish(): Promise<void>;
}

export function createDeletion({ readBack, expunge, onDeleted, logger }: DeletionOptions): Deletion {
  let batch: { uid: number; position: Position; sha256: string }[] = [];
  let working: Promise<void> = Promise.resolve();

  const deal = async (messages: typeof batch): Promise<void> => {
    const uids: number[] = [];
    for (const { uid, position, sha256 } of messages) {
      if (await readBack.agrees(position, sha256)) uids.push(uid);
      else logger.error('read-back-failed', { uid, writer: position.writer, number: position.number, sha256 });
    }
    if (uids.length === 0) return;
    await expunge(sequenceSet(uids.sort((a, b) => a - b)));
    onDeleted(uids.length);
  };
  const flush = (): Promise<void> => {
    const messages = batch;
    batch = [];
    working = working.then(() => deal(messages));
    // Whoever waits hears of it; nobody may be waiting yet.
    working.catch((error: unknown) => error);
    return working;
  };

  return {
    archived: (uid, position, sha256) => {
      readBack.expect(position);
      batch.push({ uid, position, sha256 });
      return batch.length < BATCH ? Promise.resolve() : flush();
    },
    finish: flush,
  };
}
