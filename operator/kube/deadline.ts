/** A signal that aborts at a time or with the caller's, whichever is first. Its owner disposes of it. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal;
  /** Whether the time ran out, as opposed to the caller's abort. */
  readonly expired: boolean;
  /** ms that are left; 0 once it has expired. */
  left(): number;
  /** Takes the time away: from here on only the caller's abort counts. */
  lift(): void;
}

/**
 * `AbortSignal.any` with `AbortSignal.timeout` would do the same, but holds on to a timer and to the caller's signal, which
 * lives as long as the process, until each call's time is over.
 */
export function startDeadline(ms: number, caller: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  const until = performance.now() + ms;
  let expired = false;
  const timer = setTimeout(() => {
    expired = true;
    controller.abort();
  }, ms);
  const onAbort = (): void => controller.abort();
  if (caller?.aborted) controller.abort();
  else caller?.addEventListener('abort', onAbort, { once: true });
  return {
    signal: controller.signal,
    get expired() {
      return expired;
    },
    left: () => Math.max(0, until - performance.now()),
    lift: () => clearTimeout(timer),
    [Symbol.dispose]: () => {
      clearTimeout(timer);
      caller?.removeEventListener('abort', onAbort);
    },
  };
}
