export interface Throttle extends AsyncDisposable {
  /** Has `run` called at once, or as soon as `ms` have passed since its last call. */
  ask(): void;
}

/**
 * Calls `run` at most every `ms`, never twice at once. The disposal calls it once more where it was asked for.
 *
 * @param run must not reject
 */
export function throttle(run: () => Promise<void>, ms: number): Throttle {
  let asked = false;
  let running = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const call = (): void => {
    asked = false;
    running = running.then(run);
    timer = setTimeout(() => {
      timer = undefined;
      if (asked) call();
    }, ms);
    // Nothing is lost where the process ends before: the disposal is the last call.
    timer.unref();
  };
  return {
    ask: () => {
      asked = true;
      if (timer === undefined) call();
    },
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      if (asked) running = running.then(run);
      await running;
    },
  };
}
