/**
 * A bound on bytes over a whole process. Whoever holds some must give back exactly as many.
 *
 * `take` serves in order of asking, so that a large request is not starved by small ones. A request for more than the
 * whole budget is granted when nothing else is held: one oversized message then passes alone instead of never.
 */
export interface ByteBudget {
  readonly limit: number;
  readonly used: number;
  /** True, and taken, where so many bytes are free and nobody waits. */
  tryTake(bytes: number): boolean;
  /** Resolves when the bytes are taken. Rejects with the signal's reason, having taken nothing. */
  take(bytes: number, signal?: AbortSignal): Promise<void>;
  give(bytes: number): void;
}

interface Waiter {
  bytes: number;
  grant: () => void;
}

/** @param limit bytes */
export function createByteBudget(limit: number): ByteBudget {
  let used = 0;
  const queue: Waiter[] = [];

  const fits = (bytes: number): boolean => used + bytes <= limit || used === 0;
  const grantWaiting = (): void => {
    for (let next = queue[0]; next !== undefined && fits(next.bytes); next = queue[0]) {
      queue.shift();
      used += next.bytes;
      next.grant();
    }
  };

  return {
    limit,
    get used() {
      return used;
    },
    tryTake: (bytes) => {
      if (queue.length > 0 || !fits(bytes)) return false;
      used += bytes;
      return true;
    },
    take: (bytes, signal) => {
      if (signal?.aborted) return Promise.reject(signal.reason);
      if (queue.length === 0 && fits(bytes)) {
        used += bytes;
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          queue.splice(queue.indexOf(waiter), 1);
          reject(signal?.reason);
          grantWaiting();
        };
        const waiter: Waiter = {
          bytes,
          grant: () => {
            signal?.removeEventListener('abort', leave);
            resolve();
          },
        };
        signal?.addEventListener('abort', leave, { once: true });
        queue.push(waiter);
      });
    },
    give: (bytes) => {
      used -= bytes;
      grantWaiting();
    },
  };
}
