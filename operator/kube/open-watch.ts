import { ApiError } from './api-error.ts';
import type { KubeClient, ListOptions, WatchLine } from './client.ts';
import type { Timers } from './timers.ts';
import type { Clock, KubeObject, ResourceType } from './types.ts';

/** The server ends a watch after this long, so that a load balancer's limit (often 300 s) is never what ends it. */
const SERVER_TIMEOUT_S = 290;
/** A line, or the end that was asked for, must come within this; a connection that is dead on one side says nothing. */
const SILENCE_MS = 295_000;
/** A watch that lived this long worked. Less, and one that flaps would come back more than 40 times in 10 minutes. */
const HEALTHY_MS = 120_000;

export interface OpenWatch<T extends KubeObject> extends Disposable {
  /**
   * The next line; undefined where the server ended the watch. Never called twice at once.
   *
   * @throws ApiError, of the client, after too long a silence (`Timeout`), or where `signal` aborted (`Aborted`)
   */
  next(): Promise<WatchLine<T> | undefined>;
  /** Whether the server was heard of long enough after the beginning to call this a watch that worked. */
  readonly wasHealthy: boolean;
}

export interface OpenWatchOptions {
  client: Pick<KubeClient, 'watch'>;
  type: ResourceType;
  /** Selectors and namespace. */
  where: Omit<ListOptions, 'signal'>;
  resourceVersion: string;
  clock: Clock;
  timers: Timers;
  signal: AbortSignal;
}

/** One watch request with its own end: the disposal, the abort of `signal`, or a silence that is too long. */
export function openWatch<T extends KubeObject>(options: OpenWatchOptions): OpenWatch<T> {
  const { client, type, where, resourceVersion, clock, timers, signal } = options;
  const stop = new AbortController();
  const lines = client.watch<T>(type, {
    ...where,
    resourceVersion,
    timeoutSeconds: SERVER_TIMEOUT_S,
    signal: stop.signal,
  });
  const openedAt = clock.monotonic();
  let heardAt = openedAt;
  let giveUp: ((error: ApiError) => void) | undefined;

  const end = (error: ApiError): void => {
    signal.removeEventListener('abort', onAbort);
    stop.abort();
    giveUp?.(error);
    // Nobody reads it any more, so how it ends says nothing.
    lines.return(undefined).catch(() => undefined);
  };
  const onAbort = (): void => end(new ApiError('Aborted', 'The watch was stopped.'));
  const onSilence = (): void =>
    end(new ApiError('Timeout', `The API server sent nothing for ${SILENCE_MS / 1000} seconds.`));
  signal.addEventListener('abort', onAbort, { once: true });

  return {
    next: async () => {
      const lost = Promise.withResolvers<never>();
      giveUp = lost.reject;
      using _silence = timers.after(SILENCE_MS, onSilence);
      const { done, value } = await Promise.race([lines.next(), lost.promise]);
      heardAt = clock.monotonic();
      return done === true ? undefined : value;
    },
    get wasHealthy() {
      return heardAt - openedAt >= HEALTHY_MS;
    },
    [Symbol.dispose]: () => end(new ApiError('Aborted', 'The watch was closed.')),
  };
}
