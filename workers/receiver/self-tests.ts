import type { Clock } from '../process/clock.ts';
import type { Attempt, Fault, StageResult } from '../process/contract.ts';
import { FaultError } from '../process/fault-error.ts';

/** Tests at once: enough to pass thousands of changed connections in seconds, few enough to leave room for mail. */
const AT_ONCE = 4;

export interface SelfTestTimes {
  /**
   * The first repeat of a test that failed behind a change; then after twice as long each, up to `retryMs`. The session
   * may have reached another receiver of the group, which has the change a moment later.
   */
  firstRetryMs: number;
  /** A failing test is repeated after this long, and one that only a person can mend from the first on. */
  retryMs: number;
  /** A passing one after this long: certificates expire on their own. */
  scheduleMs: number;
  /** How often due tests are looked for. */
  tickMs: number;
}

export const defaultSelfTestTimes: SelfTestTimes = {
  firstRetryMs: 1_000,
  retryMs: 60_000,
  scheduleMs: 3_600_000,
  tickMs: 1_000,
};

export interface SelfTestsOptions {
  clock: Clock;
  times: SelfTestTimes;
  /** Runs one test and resolves to its attempt; undefined where the connection is no longer served. */
  run: (
    uid: string,
    trigger: Attempt['trigger'],
    emit: (stage: StageResult) => void,
    signal: AbortSignal,
  ) => Promise<Attempt | undefined>;
  /** Every finished attempt. */
  onAttempt: (uid: string, attempt: Attempt) => void;
  signal: AbortSignal;
}

/** When each connection is tested: after a change, again while it fails, on request, and now and then. */
export interface SelfTests {
  /** These were added or changed, and are served. */
  changed(uids: Iterable<string>): void;
  removed(uid: string): void;
  request(uid: string, emit: (stage: StageResult) => void, signal: AbortSignal): Promise<Attempt>;
}

type Automatic = Exclude<Attempt['trigger'], 'request'>;

export function createSelfTests({ clock, times, run, onAttempt, signal }: SelfTestsOptions): SelfTests {
  const waiting = new Map<string, Automatic>();
  const due = new Map<string, { at: number; trigger: Automatic }>();
  /** Failures in a row, since the last change. */
  const failures = new Map<string, number>();
  let running = 0;

  const retryAfter = (uid: string, { retry }: Fault): number => {
    const before = failures.get(uid) ?? 0;
    failures.set(uid, before + 1);
    return retry === 'never' ? times.retryMs : Math.min(times.firstRetryMs * 2 ** before, times.retryMs);
  };
  const finished = (uid: string, attempt: Attempt): void => {
    const now = clock.monotonic();
    if (attempt.fault) due.set(uid, { at: now + retryAfter(uid, attempt.fault), trigger: 'retry' });
    else {
      failures.delete(uid);
      // Spread, so that connections that came together are not tested together for ever.
      due.set(uid, { at: now + times.scheduleMs * (0.75 + Math.random() / 2), trigger: 'schedule' });
    }
    onAttempt(uid, attempt);
  };
  const one = async (uid: string, trigger: Automatic): Promise<void> => {
    const attempt = await run(uid, trigger, () => undefined, signal);
    if (attempt !== undefined && !signal.aborted) finished(uid, attempt);
  };
  const next = (): void => {
    while (running < AT_ONCE && !signal.aborted) {
      const entry = waiting.entries().next().value;
      if (entry === undefined) return;
      const [uid, trigger] = entry;
      waiting.delete(uid);
      running += 1;
      void one(uid, trigger).finally(() => {
        running -= 1;
        next();
      });
    }
  };
  const tick = setInterval(() => {
    const now = clock.monotonic();
    for (const [uid, { at, trigger }] of due) {
      if (at > now) continue;
      due.delete(uid);
      if (!waiting.has(uid)) waiting.set(uid, trigger);
    }
    next();
  }, times.tickMs);
  tick.unref();
  signal.addEventListener('abort', () => clearInterval(tick), { once: true });

  return {
    changed: (uids) => {
      for (const uid of uids) {
        due.delete(uid);
        failures.delete(uid);
        waiting.set(uid, 'change');
      }
      next();
    },
    removed: (uid) => {
      waiting.delete(uid);
      due.delete(uid);
      failures.delete(uid);
    },
    request: async (uid, emit, asked) => {
      const attempt = await run(uid, 'request', emit, AbortSignal.any([asked, signal]));
      if (attempt === undefined) {
        throw new FaultError('InvalidConfiguration', 'later', 'The receiver does not serve this connection.');
      }
      if (!asked.aborted && !signal.aborted) finished(uid, attempt);
      return attempt;
    },
  };
}
