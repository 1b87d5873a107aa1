import { createHeap } from './heap.ts';

/** `now`: somebody waits for it. `background`: it is time to look again. */
export type Priority = 'now' | 'background';

export interface WaitingKey<K extends string> {
  key: K;
  /** By the monotonic clock, in ms. */
  dueAt: number;
  priority: Priority;
  /** Number of the first request, for who comes first where all else is the same. */
  order: number;
}

export interface WaitingKeys<K extends string> {
  /** How many are due. */
  readonly due: number;
  /** How many will be due later. */
  readonly later: number;
  /** When the first of those is due. */
  readonly nextDueAt: number | undefined;
  /** Each key waits once: the earliest time and the higher priority win. */
  put(wanted: WaitingKey<K>): void;
  /** Counts as due what is so by now. */
  ripen(now: number): void;
  /** Takes out the due key that comes first: by priority, then by how long it has been due. */
  take(): WaitingKey<K> | undefined;
  delete(key: K): void;
}

/** Keys that are to be processed, each at its time. */
export function createWaitingKeys<K extends string>(): WaitingKeys<K> {
  const keyOf = ({ key }: WaitingKey<K>): K => key;
  const later = createHeap<K, WaitingKey<K>>(keyOf, (a, b) => a.dueAt < b.dueAt);
  const due = createHeap<K, WaitingKey<K>>(keyOf, isServedBefore);

  return {
    get due() {
      return due.size;
    },
    get later() {
      return later.size;
    },
    get nextDueAt() {
      return later.first?.dueAt;
    },
    put: (wanted) => {
      const { key } = wanted;
      const ripe = due.get(key);
      if (ripe === undefined) later.set(key, merged(later.get(key), wanted));
      else due.set(key, merged(ripe, wanted));
    },
    ripen: (now) => {
      for (let next = later.first; next !== undefined && next.dueAt <= now; next = later.first) {
        later.delete(next.key);
        due.set(next.key, next);
      }
    },
    take: () => {
      const { first } = due;
      if (first !== undefined) due.delete(first.key);
      return first;
    },
    delete: (key) => {
      due.delete(key);
      later.delete(key);
    },
  };
}

/** Both wishes in one. */
export function merged<K extends string>(before: WaitingKey<K> | undefined, wanted: WaitingKey<K>): WaitingKey<K> {
  if (before === undefined) return wanted;
  return {
    key: wanted.key,
    dueAt: Math.min(before.dueAt, wanted.dueAt),
    priority: before.priority === 'now' ? 'now' : wanted.priority,
    order: before.order,
  };
}

function isServedBefore<K extends string>(a: WaitingKey<K>, b: WaitingKey<K>): boolean {
  if (a.priority !== b.priority) return a.priority === 'now';
  return a.dueAt === b.dueAt ? a.order < b.order : a.dueAt < b.dueAt;
}
