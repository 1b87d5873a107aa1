import { createByteBudget } from '../process/byte-budget.ts';
import { timestamp } from '../process/clock.ts';
import type { Fault } from '../process/contract.ts';
import { FaultError } from '../process/fault-error.ts';
import { createBody, HEAD_ROOM } from './body.ts';
import { createCommitMetrics } from './commit-metrics.ts';
import { watchFreeSpace } from './free-space.ts';
import { type CommitEntry, createGroupCommit } from './group-commit.ts';
import { createWriteHealth } from './health.ts';
import type { ArchiveLog, Envelope, LogEvent, LogOptions, MessageBody, Position, Stored } from './log.ts';
import { createDurableMark, startMarkWriter } from './mark.ts';
import { frameEvent, frameMessage, frameSegmentEnd, type Origin } from './metadata.ts';
import { createSegments } from './segments.ts';
import type { LargeWriter, Store } from './store.ts';
import { startTidying } from './tidy.ts';
import { warcinfoRecord } from './warc.ts';

/** Bytes of message bodies in memory, where the caller does not say. */
const MEMORY_BYTES = 64 * 1024 * 1024;

/** The log of one writer over an opened store. See {@link ArchiveLog}. */
export async function startLog(
  { target, clock, logger, memoryBytes, registry }: LogOptions,
  store: Store,
  origin: Origin,
  toFault: (error: unknown) => FaultError,
): Promise<ArchiveLog> {
  const listeners: (() => void)[] = [];
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const memory = createByteBudget(memoryBytes ?? MEMORY_BYTES);
  const metrics = registry && createCommitMetrics(registry);
  const numbers = createDurableMark();
  const segments = createSegments(store, origin, clock, numbers.settle);
  await segments.prove();
  const space = await watchFreeSpace(store, target.path, target.reserveBytes, changed);
  /** An open segment is written to wherever its folder went; only the mark, which is replaced by name, finds that out. */
  let markFault: Fault | undefined;
  const mark = startMarkWriter(
    store,
    origin.writer,
    () => numbers.durable,
    (failure) => {
      const told = failure && toFault(failure.error).toFault();
      if (told?.message === markFault?.message) return;
      if (told) logger.error('mark-not-written', { error: told.message });
      markFault = told;
      changed();
    },
  );
  const bodies = new Set<MessageBody>();
  /** Large records under way: the writer may be marked closed only behind them. */
  const largeCommits = new Set<Promise<unknown>>();
  const health = createWriteHealth({ clock, logger, toFault, prove: segments.prove, changed });
  let lastNumber = 0;
  let closed = false;

  const nextNumber = (): number => {
    lastNumber += 1;
    return lastNumber;
  };
  const worked = (records: number, bytes: number, began: number): void => {
    metrics?.committed(records, bytes, (clock.monotonic() - began) / 1000);
    space.wrote(bytes);
    metrics?.free(space.bytes);
    mark.committed();
    health.worked();
  };
  const failed = (error: unknown): FaultError => {
    metrics?.failed();
    return health.failed(error);
  };

  const group = createGroupCommit(async (batch) => {
    const began = clock.monotonic();
    const bytes = batch.reduce((sum, entry) => sum + entry.bytes, 0);
    try {
      await segments.commit(batch);
    } catch (error) {
      throw failed(error);
    }
    worked(batch.length, bytes, began);
  });
  const commit = (number: number, parts: Buffer[], messageBytes: number | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      const entry: CommitEntry = { number, parts, bytes, messageBytes, resolve, reject };
      group.add(entry);
    });
  const refuseWhileClosed = (): void => {
    if (closed) throw new FaultError('ArchiveNotWritable', 'later', 'The archive is being closed.');
  };

  const commitSmall = async (parts: Buffer[], length: number, sha256: string, envelope: Envelope): Promise<Stored> => {
    refuseWhileClosed();
    const number = nextNumber();
    const { head, tail } = frameMessage(origin, number, length, sha256, envelope);
    await commit(number, [head, ...parts, tail], length);
    return { position: { writer: origin.writer, number }, length, sha256 };
  };
  const commitLarge = async (
    large: LargeWriter,
    length: number,
    sha256: string,
    envelope: Envelope,
  ): Promise<Stored> => {
    const number = nextNumber();
    const { head, tail } = frameMessage(origin, number, length, sha256, envelope);
    const at = timestamp(clock);
    const end = frameSegmentEnd(at, origin, { messages: 1, events: 0, messageBytes: length });
    const info = warcinfoRecord(at, origin.software, origin.archive, HEAD_ROOM - head.length);
    const began = clock.monotonic();
    try {
      await large.write([tail, end]);
      await large.finish(Buffer.concat([info, head]), number);
    } catch (error) {
      await large.discard().catch(toFault);
      segments.giveUpLarge(number, error);
      throw failed(error);
    }
    numbers.settle(number);
    worked(1, length, began);
    return { position: { writer: origin.writer, number }, length, sha256 };
  };
  const appendEvent = async (event: LogEvent): Promise<Position> => {
    refuseWhileClosed();
    const number = nextNumber();
    await commit(number, [frameEvent(origin, number, event)], undefined);
    return { writer: origin.writer, number };
  };
  const faultNow = (): Fault | undefined => health.fault ?? markFault ?? space.fault;
  const begin = (): MessageBody => {
    refuseWhileClosed();
    const now = faultNow();
    if (now) throw new FaultError(now.code, now.retry, now.message);
    const body = createBody({
      largeFrom: store.largeFrom,
      memory,
      openLarge: () => store.createLarge(origin.writer),
      commitSmall,
      commitLarge: (...given) => {
        const committing = commitLarge(...given);
        const settled: Promise<unknown> = committing.catch(toFault).finally(() => largeCommits.delete(settled));
        largeCommits.add(settled);
        return committing;
      },
      fail: failed,
      ended: (ended) => bodies.delete(ended),
    });
    bodies.add(body);
    return body;
  };
  const tidying = startTidying({ store, writer: origin.writer, clock, logger, appendEvent });

  return {
    archiveId: origin.archive,
    writer: origin.writer,
    begin,
    append: async (message, envelope) => {
      const body = begin();
      body.write(message);
      return body.commit(envelope);
    },
    appendEvent,
    get fault() {
      return faultNow();
    },
    onChange: (listener) => listeners.push(listener),
    get lastCommitAt() {
      return health.lastCommitAt;
    },
    get freeBytes() {
      return space.bytes;
    },
    close: async () => {
      if (closed) return;
      closed = true;
      space.close();
      await health.close();
      await tidying.close();
      for (const body of bodies) body.abort();
      await Promise.all(largeCommits);
      await group.idle();
      const orderly = await segments.close().then(
        () => true,
        (error: unknown) => {
          failed(error);
          return false;
        },
      );
      await mark.close(orderly);
    },
  };
}
