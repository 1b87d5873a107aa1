/** Lets at most a number of tasks run at once, in order of asking. */
export interface Gate {
  /** Runs the task when there is room. Rejects with the signal's reason if that comes first. */
  run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

export function createGate(width: number): Gate {
  let running = 0;
  const queue: (() => void)[] = [];

  const enter = (signal: AbortSignal): Promise<void> => {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (running < width) {
      running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        queue.splice(queue.indexOf(go), 1);
        reject(signal.reason);
      };
      // The one who ends hands its place on, so `running` stays as it is.
      const go = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      queue.push(go);
    });
  };

  return {
    run: async (task, signal) => {
      await enter(signal);
      try {
        return await task();
      } finally {
        const next = queue.shift();
        if (next) next();
        else running -= 1;
      }
    },
  };
}
