import type { Store } from './store.ts';

/**
 * The small file beside a writer's segments: how far it is durable, and that it lives. It changes after commits and,
 * at rest, every ten seconds, so that a reader who sees no change for a minute may treat the writer as dead.
 */
export interface Mark {
  version: 1;
  writer: string;
  /** Every record up to this number is durable or given up. */
  durable: number;
  /** An orderly exit: no record follows. */
  closed: boolean;
  /** Raised at each writing, so that a writer at rest can be told from a dead one. */
  beat: number;
}

/** Undefined also where a power cut left a file without content: a mark is not synced, and its loss costs only time. */
export async function readMark(store: Store, writer: string): Promise<Mark | undefined> {
  const text = await store.readMark(writer);
  if (text === undefined) return undefined;
  try {
    const mark = JSON.parse(text) as Partial<Mark> | null;
    return typeof mark?.durable === 'number' ? (mark as Mark) : undefined;
  } catch {
    return undefined;
  }
}

/** The highest number up to which all are settled, while they settle in any order. */
export function createDurableMark(): { settle(number: number): void; readonly durable: number } {
  const ahead = new Set<number>();
  let durable = 0;
  return {
    settle: (number) => {
      if (number <= durable) return;
      ahead.add(number);
      while (ahead.delete(durable + 1)) durable += 1;
    },
    get durable() {
      return durable;
    },
  };
}

const AFTER_COMMIT_MS = 100;
const AT_REST_MS = 10_000;
const AFTER_FAILURE_MS = 1_000;

export interface MarkWriter {
  /** Something was committed: the mark follows within 100 ms. */
  committed(): void;
  /** @param orderly every record is durable, or given up by a note: no record follows */
  close(orderly: boolean): Promise<void>;
}

/**
 * Keeps a writer's mark up to date until it is closed.
 *
 * @param written called after each try: with nothing where the mark was written, else with why it was not
 */
export function startMarkWriter(
  store: Store,
  writer: string,
  durable: () => number,
  written: (failure?: { error: unknown }) => void,
): MarkWriter {
  let beat = 0;
  let soon: NodeJS.Timeout | undefined;
  let closing = false;
  let closed = false;
  let writing: Promise<void> | undefined;
  /** One at a time. What it says is read when it begins, so a mark that waits for a slow disk is not old. */
  const write = (): Promise<void> => {
    beat += 1;
    const mark: Mark = { version: 1, writer, durable: durable(), closed, beat };
    return store.writeMark(writer, JSON.stringify(mark)).then(
      () => written(),
      (error: unknown) => {
        written({ error });
        if (!closing) writeWithin(AFTER_FAILURE_MS);
      },
    );
  };
  const writeUnlessWriting = (): void => {
    writing ??= write().finally(() => {
      writing = undefined;
    });
  };
  const writeWithin = (ms: number): void => {
    soon ??= setTimeout(() => {
      soon = undefined;
      writeUnlessWriting();
    }, ms);
  };
  const atRest = setInterval(writeUnlessWriting, AT_REST_MS);
  return {
    committed: () => writeWithin(AFTER_COMMIT_MS),
    close: async (orderly) => {
      closing = true;
      clearInterval(atRest);
      clearTimeout(soon);
      await writing;
      closed = orderly;
      await write();
    },
  };
}
