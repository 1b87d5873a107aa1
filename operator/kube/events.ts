import { ApiError } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { EVENTS, eventObject, type Occurrence } from './event-object.ts';
import { isDue, type Series, seriesTable } from './event-series.ts';
import { microTime } from './micro-time.ts';
import { pause, systemTimers, type Timers } from './timers.ts';
import { type Rate, tokenBuckets } from './token-buckets.ts';
import { type Clock, keyOfObject, type Log } from './types.ts';

/** Of one object, as client-go's filter of spam: a tight loop somewhere must not fill etcd. */
const RATE: Rate = { burst: 25, refillMs: 300_000 };
const MOST_OBJECTS = 4_096;
const MOST_SERIES = 4_096;
const MOST_WAITING = 1_000;
const MOST_TRIES = 3;
const PAUSE_MS = 2_000;
const FLUSH_MS = 3_000;

export interface EventRecorderOptions {
  client: Pick<KubeClient, 'create' | 'patch'>;
  /** Field manager of the writes. */
  manager: string;
  /** Who reports: the name of the program as a qualified name, and which of its processes. */
  reporter: { controller: string; instance: string };
  clock: Clock;
  /** From 0 to 1. */
  random: () => number;
  log: Log;
  timers?: Timers;
  /** How long the disposal may take, in ms. */
  flushMs?: number;
}

export interface EventRecorder extends AsyncDisposable {
  /** Notes it for writing, and never throws: what is lost is counted. */
  record(occurrence: Occurrence): void;
  /** How many were not written: too many of one object, too many at once, or refused by the server. */
  readonly lost: number;
}

/**
 * Writes Events of events.k8s.io/v1, one at a time. What repeats within six minutes (same object, reason and note) is one
 * Event with a count. The disposal writes what is left, within its deadline.
 */
export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  const { client, manager, reporter, clock, random, log, timers = systemTimers, flushMs = FLUSH_MS } = options;
  const buckets = tokenBuckets(RATE, MOST_OBJECTS);
  const table = seriesTable(MOST_SERIES);
  const waiting: Series[] = [];
  const stop = new AbortController();
  let writing: Promise<void> | undefined;
  let closed = false;
  let lost = 0;

  const enqueue = (series: Series): void => {
    if (series.queued || series.count === series.written || series.count === series.sending) return;
    series.queued = true;
    waiting.push(series);
    if (waiting.length > MOST_WAITING) {
      const dropped = waiting.shift();
      if (dropped !== undefined) dropped.queued = false;
      lost += 1;
    }
    writing ??= writeAll();
  };

  const writeAll = async (): Promise<void> => {
    for (let series = waiting.shift(); series !== undefined; series = waiting.shift()) {
      series.queued = false;
      await write(series);
      series.sending = 0;
    }
    // In the same step in which nothing was left: what comes next starts it anew.
    writing = undefined;
  };

  const write = async (series: Series): Promise<void> => {
    for (let tries = 1; ; tries++) {
      const count = series.count;
      series.sending = count;
      try {
        await send(series, count);
        series.written = count;
        series.writtenAt = clock.monotonic();
        return;
      } catch (error) {
        const again = error instanceof ApiError && error.retry !== 'never' && error.code !== 'Forbidden';
        if (!again || tries === MOST_TRIES || stop.signal.aborted) {
          lost += 1;
          const message = error instanceof ApiError ? error.message : String(error);
          log.warn('event_not_written', { regarding: series.about, reason: series.event.reason, message });
          return;
        }
        await pause(timers, error.retryAfterMs ?? PAUSE_MS * tries, stop.signal);
      }
    }
  };

  const send = async ({ event, written, lastTime }: Series, count: number): Promise<void> => {
    const { signal } = stop;
    const series = { count, lastObservedTime: microTime(lastTime) };
    if (written > 0) {
      try {
        await client.patch(EVENTS, event.metadata, { series }, { manager, signal });
        return;
      } catch (error) {
        // Events live for an hour by default, and anybody may delete them: then it is made anew.
        if (!(error instanceof ApiError) || error.code !== 'NotFound') throw error;
      }
    }
    await client.create(EVENTS, count === 1 ? event : { ...event, series }, { manager, signal });
  };

  return {
    record: (occurrence) => {
      if (closed) {
        lost += 1;
        return;
      }
      const at = clock.monotonic();
      const time = clock.now();
      const { regarding, type, reason, note } = occurrence;
      const about = `${regarding.kind} ${keyOfObject(regarding)}`;
      const key = JSON.stringify([about, regarding.metadata.uid, type, reason, note]);
      // Those that ended are written once more, with their last count.
      table.ended(at).forEach(enqueue);
      const known = table.repeat(key, { time, at });
      if (known !== undefined) {
        if (isDue(known, at) && buckets.take(about, at)) enqueue(known);
        return;
      }
      if (!buckets.take(about, at)) {
        lost += 1;
        return;
      }
      const event = eventObject(occurrence, reporter, uniqueOf(time, random), time);
      const series: Series = {
        event,
        about,
        count: 1,
        lastTime: time,
        lastAt: at,
        written: 0,
        writtenAt: at,
        sending: 0,
        queued: false,
      };
      table.begin(key, series);
      enqueue(series);
    },
    get lost() {
      return lost;
    },
    [Symbol.asyncDispose]: async () => {
      closed = true;
      table.drain().forEach(enqueue);
      using _deadline = timers.after(flushMs, () => {
        lost += waiting.splice(0).length;
        stop.abort();
      });
      await writing;
    },
  };
}

/** Time, so that the names of one object sort by it, and enough chance for two processes. */
function uniqueOf(time: number, random: () => number): string {
  const chance = Math.floor(random() * 2 ** 32);
  return `${time.toString(16)}${chance.toString(16).padStart(8, '0')}`;
}
