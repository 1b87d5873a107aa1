import type { Clock } from './clock.ts';
import { earliest } from './earliest.ts';
import { keepOnly } from './keep-only.ts';

const FAILING_MS = 30_000;
const HEALTHY_MS = 300_000;

/** Something outside that is read again and again, since nobody tells when it changes. */
export interface WantedReading {
  key: string;
  /** Of what fails: read again soon, since a person may be mending it. */
  failing: boolean;
}

export interface DueReadings<W extends WantedReading, V> {
  /**
   * Reads what is wanted and new, due or marked; forgets what is no longer wanted.
   *
   * @returns when the next one is due, in ms since 1970
   */
  bring(wanted: readonly W[]): Promise<number | undefined>;
  get(key: string): V | undefined;
  /** The next `bring` reads it again, however fresh it is. */
  mark(key: string): void;
  /** What is wanted now. */
  wanted(): W[];
}

export interface DueReadingsOptions<W extends WantedReading, V> {
  /** One reading; undefined where nothing can be said now, so that the value before stays. */
  read: (wanted: W) => Promise<V | undefined>;
  /** Whether the two ask for the same; where they do not, it is read at once. */
  same: (one: W, other: W) => boolean;
  /** Readings at once. */
  atOnce: number;
  /** Stretches the time until the next reading, near 1, so that what was read together is not read together for ever. */
  stretch: () => number;
  clock: Pick<Clock, 'now'>;
}

interface Held<W, V> {
  wanted: W;
  value: V | undefined;
  readAt: number;
  stretch: number;
  stale: boolean;
  /** The last reading gave nothing. */
  unread: boolean;
}

/** Values that are read every 30 s while they fail and every 5 min else, and at once when marked. */
export function createDueReadings<W extends WantedReading, V>(options: DueReadingsOptions<W, V>): DueReadings<W, V> {
  const { read, same, atOnce, stretch, clock } = options;
  const held = new Map<string, Held<W, V>>();

  const dueAt = ({ wanted, readAt, stretch: by, stale, unread }: Held<W, V>): number =>
    stale ? 0 : readAt + (wanted.failing || unread ? FAILING_MS : HEALTHY_MS) * by;
  const bringOne = async (want: W, now: number): Promise<void> => {
    const before = held.get(want.key);
    const one = before ?? { wanted: want, value: undefined, readAt: 0, stretch: 1, stale: true, unread: true };
    held.set(want.key, one);
    if (!same(one.wanted, want)) one.stale = true;
    one.wanted = want;
    if (now < dueAt(one)) return;
    // Before the reading: a mark that is set meanwhile asks for another one.
    one.stale = false;
    one.readAt = now;
    one.stretch = stretch();
    const value = await read(want);
    one.unread = value === undefined;
    if (value !== undefined) one.value = value;
  };

  return {
    bring: async (wanted) => {
      const keys = new Set(wanted.map(({ key }) => key));
      keepOnly(held, keys);
      const now = clock.now();
      const rest = wanted.values();
      const reader = async (): Promise<void> => {
        for (const want of rest) await bringOne(want, now);
      };
      await Promise.all(Array.from({ length: atOnce }, reader));
      return earliest([...held.values()].map((one) => Math.max(now, dueAt(one))));
    },
    get: (key) => held.get(key)?.value,
    mark: (key) => {
      const one = held.get(key);
      if (one !== undefined) one.stale = true;
    },
    wanted: () => [...held.values()].map(({ wanted }) => wanted),
  };
}
