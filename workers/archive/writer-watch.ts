import type { Clock } from '../process/clock.ts';
import { readMark } from './mark.ts';
import type { Store } from './store.ts';

/** A writer whose mark did not change for so long, by our own monotonic time, is treated as dead. */
export const DEAD_AFTER_MS = 60_000;

/** `dead` is a guess: the writer may only stand still, and what it writes when it goes on is read all the same. */
export type WriterState = 'alive' | 'closed' | 'dead';

export interface WatchedWriter {
  state: WriterState;
  /** As its mark says. */
  durable: number;
}

interface Seen {
  beat: number | undefined;
  since: number;
  writer: WatchedWriter;
}

/** Tells which writers of an archive live, from when it looks how their marks changed since it looked before. */
export function createWriterWatch(store: Store, clock: Clock): { look(): Promise<Map<string, WatchedWriter>> } {
  const seen = new Map<string, Seen>();
  const lookAt = async (name: string): Promise<WatchedWriter> => {
    const known = seen.get(name);
    // Nothing follows an orderly exit, so that years of closed writers cost nothing.
    if (known?.writer.state === 'closed') return known.writer;
    const mark = await readMark(store, name);
    const now = clock.monotonic();
    const since = known !== undefined && known.beat === mark?.beat ? known.since : now;
    const state = mark?.closed ? 'closed' : now - since >= DEAD_AFTER_MS ? 'dead' : 'alive';
    const writer: WatchedWriter = { state, durable: mark?.durable ?? 0 };
    seen.set(name, { beat: mark?.beat, since, writer });
    return writer;
  };
  return {
    look: async () => {
      const writers = new Map<string, WatchedWriter>();
      for (const name of await store.writers()) writers.set(name, await lookAt(name));
      return writers;
    },
  };
}
