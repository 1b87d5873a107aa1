import type { EventObject } from './event-object.ts';

/** A repeat after more than this is an event of its own, as in client-go (tools/events, finishTime). */
const SERIES_MS = 6 * 60_000;
/** A series that goes on is written once in so long; its first repeat at once, since it is news that something repeats. */
const WRITE_EVERY_MS = 60_000;

/** Something that happened once or more. */
export interface Series {
  event: EventObject;
  /** What its rate is counted by. */
  about: string;
  count: number;
  /** Wall clock of the last one, for the event; monotonic for how long ago that was. */
  lastTime: number;
  lastAt: number;
  /** The count that the server knows; 0 before the event exists. */
  written: number;
  /** Monotonic ms. */
  writtenAt: number;
  /** The count that is on its way to the server; 0 where none is. */
  sending: number;
  /** Whether it waits to be written. */
  queued: boolean;
}

export interface SeriesTable {
  /** The series that this one belongs to, counted; undefined where it begins one. */
  repeat(key: string, now: { time: number; at: number }): Series | undefined;
  begin(key: string, series: Series): void;
  /** Takes out those that ended by then, or that are too many. */
  ended(at: number): Series[];
  /** Takes out all. */
  drain(): Series[];
}

/** Series that may still go on: at most `most`, the one that was quiet longest in front. */
export function seriesTable(most: number): SeriesTable {
  const open = new Map<string, Series>();
  return {
    repeat: (key, { time, at }) => {
      const series = open.get(key);
      if (series === undefined || at - series.lastAt >= SERIES_MS) return undefined;
      series.count += 1;
      series.lastTime = time;
      series.lastAt = at;
      open.delete(key);
      open.set(key, series);
      return series;
    },
    begin: (key, series) => {
      open.delete(key);
      open.set(key, series);
    },
    ended: (at) => {
      const ended: Series[] = [];
      for (const [key, series] of open) {
        if (at - series.lastAt < SERIES_MS && open.size <= most) break;
        open.delete(key);
        ended.push(series);
      }
      return ended;
    },
    drain: () => {
      const all = [...open.values()];
      open.clear();
      return all;
    },
  };
}

/** Whether a repeat is to be written now. */
export function isDue({ count, writtenAt }: Series, at: number): boolean {
  return count === 2 || at - writtenAt >= WRITE_EVERY_MS;
}
