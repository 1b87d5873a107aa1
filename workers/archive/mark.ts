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

export async function readMark(store: Store, writer: string): Promise<Mark | undefined> {
  const text = await store.readMark(writer);
  return text === undefined ? undefined : (JSON.parse(text) as Mark);
}

/** The highest number up to which all are settled, while they settle in any order. */
export function createDurableMark(): { settle(number: number): void; readonly durable: number } {
  const ahead = new Set<number>();
  let durable = 0;
  return {
    settle: (number) => {
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

export interface MarkWriter {
  /** Something was committed: the mark follows within 100 ms. */
  committed(): void;
  close(): Promise<void>;
}

/** Keeps a writer's mark up to date until it is closed. `failed` hears why a mark could not be written. */
export function startMarkWriter(
  store: Store,
  writer: string,
  durable: () => number,
  failed: (error: unknown) => void,
): MarkWriter {
  let beat = 0;
  let soon: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  const write = (closed: boolean): Promise<void> => {
    beat += 1;
    const mark: Mark = { version: 1, writer, durable: durable(), closed, beat };
    writing = writing.then(() => store.writeMark(writer, JSON.stringify(mark))).catch(failed);
    return writing;
  };
  const atRest = setInterval(() => void write(false), AT_REST_MS);
  return {
    committed: () => {
      soon ??= setTimeout(() => {
        soon = undefined;
        void write(false);
      }, AFTER_COMMIT_MS);
    },
    close: () => {
      clearInterval(atRest);
      clearTimeout(soon);
      return write(true);
    },
  };
}
