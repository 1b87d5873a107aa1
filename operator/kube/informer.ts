import { type Change, createStore } from './store.ts';
import type { KubeObject, Log } from './types.ts';
import { type WatchObjectsOptions, type WatchStep, watchObjects } from './watch.ts';

export interface InformerOptions<T extends KubeObject> extends Omit<WatchObjectsOptions<T>, 'signal'> {
  log: Log;
  /** Called after the store has it, one change after the other. What it throws or rejects with is logged and counted. */
  onChange(change: Change<T>): unknown;
}

/** Figures since the start, for metrics. */
export interface InformerCounts {
  /** Complete lists: one, and one for each time that the server did not know our version any more. */
  lists: number;
  /** Times that the server was lost. */
  interruptions: number;
  /** Times that `onChange` failed. */
  failedChanges: number;
}

/** The objects of one kind as the server has them, some milliseconds ago or since `lastContactAt`. */
export interface Informer<T extends KubeObject> extends AsyncDisposable {
  list(): readonly T[];
  /** @param key `namespace/name`, or the name alone, as of keyOfObject */
  get(key: string): T | undefined;
  readonly hasSynced: boolean;
  /** Resolves when all objects were listed once and told to `onChange`; stays as it is where the informer ends before. */
  readonly synced: Promise<void>;
  /** When the server was last heard of, by the monotonic clock in ms. */
  readonly lastContactAt: number | undefined;
  readonly counts: Readonly<InformerCounts>;
}

/** Starts to list and watch, and goes on until it is disposed of. */
export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const { type, namespace, clock, log, onChange } = options;
  const labels = { plural: type.plural, ...(namespace !== undefined && { namespace }) };
  const store = createStore<T>();
  const synced = Promise.withResolvers<void>();
  const stop = new AbortController();
  const counts: InformerCounts = { lists: 0, interruptions: 0, failedChanges: 0 };
  let hasSynced = false;
  let lastContactAt: number | undefined;

  const tell = async (change: Change<T>): Promise<void> => {
    try {
      await onChange(change);
    } catch (error) {
      counts.failedChanges += 1;
      log.error('change-not-handled', { ...labels, key: change.key, change: change.type, error: String(error) });
    }
  };
  const changesOf = (step: WatchStep<T>): Change<T>[] => {
    switch (step.type) {
      case 'listed':
        counts.lists += 1;
        return store.replace(step.objects);
      case 'applied':
        return store.put(step.object);
      case 'deleted':
        return store.remove(step.object);
      case 'bookmark':
        return [];
      case 'interrupted': {
        counts.interruptions += 1;
        const { error, retryInMs, next } = step;
        log.warn('watch-interrupted', { ...labels, code: error.code, text: error.message, retryInMs, next });
        return [];
      }
    }
  };
  const follow = async (): Promise<void> => {
    for await (const step of watchObjects<T>({ ...options, signal: stop.signal })) {
      if (step.type !== 'interrupted') lastContactAt = clock.monotonic();
      for (const change of changesOf(step)) {
        if (stop.signal.aborted) return;
        // It is called at once, and not waited for: the watch must not fall behind one slow handler.
        void tell(change);
      }
      if (step.type !== 'listed' || hasSynced) continue;
      hasSynced = true;
      synced.resolve();
      log.info('watch-synced', { ...labels, objects: step.objects.length });
    }
  };

  const following = follow();
  return {
    list: store.list,
    get: store.get,
    get hasSynced() {
      return hasSynced;
    },
    synced: synced.promise,
    get lastContactAt() {
      return lastContactAt;
    },
    counts,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await following;
    },
  };
}
