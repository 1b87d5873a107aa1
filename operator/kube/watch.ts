import { ApiError } from './api-error.ts';
import { backoff } from './backoff.ts';
import type { KubeClient, ListOptions, WatchLine } from './client.ts';
import { type OpenWatch, openWatch } from './open-watch.ts';
import { pause, systemTimers, type Timers } from './timers.ts';
import type { Clock, KubeObject, ResourceType } from './types.ts';
import { errorOfLine, errorOfThrown, isGone, isRefusal } from './watch-error.ts';

/** As client-go: a page stays some megabytes with objects of some kilobytes. */
const PAGE_SIZE = 500;
const LEAST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 30_000;
/** No server asks for more in earnest, and a proxy that does must not blind us for an hour. */
const MOST_RETRY_AFTER_MS = 300_000;
/**
 * So many refusals in a row of a watch from one version, and we list anew: a server whose etcd was restored from a backup
 * does not know versions of before, and says "Too large resource version" (504) and never 410.
 */
const REFUSALS = 5;
const CLOSED_SOON = 'The API server closed the watch soon after it began.';
const NO_VERSION = 'The API server sent a change without a version to go on from.';

/** What became known. */
export type WatchStep<T extends KubeObject> =
  /** All objects there are: they take the place of everything known before. */
  | { type: 'listed'; objects: T[] }
  /** The object exists, and is now so. */
  | { type: 'applied'; object: T }
  /** The object exists no more, or is no longer selected; as it was last. */
  | { type: 'deleted'; object: T }
  /** Nothing changed; the server is there. */
  | { type: 'bookmark' }
  /** The server was lost. It is tried again in `retryInMs`, from where we were, or with a new list. */
  | { type: 'interrupted'; error: ApiError; retryInMs: number; next: 'list' | 'watch' };

export interface WatchObjectsOptions<T extends KubeObject> {
  client: Pick<KubeClient, 'list' | 'watch'>;
  type: ResourceType;
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  clock: Clock;
  timers?: Timers;
  /** From 0 to 1. */
  random: () => number;
  signal: AbortSignal;
  /** Makes an object smaller before it is kept; without it, `metadata.managedFields` is dropped. */
  transform?: (object: T) => T;
  pageSize?: number;
}

type State<T extends KubeObject> =
  /** Nothing is known, or it is too old to go on from: pages of a list are collected. */
  | { at: 'listing'; objects: T[]; continue?: string }
  /** All is known up to this version, and no watch is open. */
  | { at: 'listed'; resourceVersion: string }
  /** All is known up to this version, and lines come in. */
  | { at: 'watching'; resourceVersion: string; open: OpenWatch<T> }
  /** The server was lost, and is given some time. */
  | { at: 'waiting'; ms: number; then: State<T> };

interface Stepped<T extends KubeObject> {
  state: State<T>;
  step?: WatchStep<T>;
}

/** What is remembered from one loss to the next. */
interface Losses {
  /** In a row, without a watch that worked in between. */
  failures: number;
  /** In a row, by a server that answered, without a line in between. */
  refusals: number;
}

/**
 * Lists the objects and then watches them, for ever: whatever is lost is found again, by a watch from the last version or
 * a new list, with 1 to 30 s between tries. Ends when `signal` aborts, and never throws.
 *
 * The rules are those of "Efficient detection of changes" in
 * https://kubernetes.io/docs/reference/using-api/api-concepts/.
 */
export async function* watchObjects<T extends KubeObject>(
  options: WatchObjectsOptions<T>,
): AsyncGenerator<WatchStep<T>, void, void> {
  const step = stepper(options);
  let state: State<T> = { at: 'listing', objects: [] };
  try {
    while (!options.signal.aborted) {
      const stepped = await step(state);
      state = stepped.state;
      if (stepped.step !== undefined && !options.signal.aborted) yield stepped.step;
    }
  } finally {
    if (state.at === 'watching') state.open[Symbol.dispose]();
  }
}

function stepper<T extends KubeObject>(options: WatchObjectsOptions<T>): (state: State<T>) => Promise<Stepped<T>> {
  const { client, type, clock, random, signal, timers = systemTimers, pageSize = PAGE_SIZE } = options;
  const transform = options.transform ?? withoutManagedFields;
  const where = whereOf(options);
  const losses: Losses = { failures: 0, refusals: 0 };

  const lost = (state: State<T>, error: ApiError, anew: boolean): Stepped<T> => {
    if (state.at === 'watching') state.open[Symbol.dispose]();
    losses.failures = state.at === 'watching' && state.open.wasHealthy ? 1 : losses.failures + 1;
    losses.refusals = isRefusal(error) ? losses.refusals + 1 : 0;
    const then = anew || losses.refusals >= REFUSALS ? listAnew() : resumed(state);
    const own = backoff(losses.failures, LEAST_WAIT_MS, MOST_WAIT_MS, random());
    const retryInMs = Math.max(own, Math.min(error.retryAfterMs ?? 0, MOST_RETRY_AFTER_MS));
    const next = then.at === 'listing' ? 'list' : 'watch';
    return { state: { at: 'waiting', ms: retryInMs, then }, step: { type: 'interrupted', error, retryInMs, next } };
  };
  const listAnew = (): State<T> => {
    losses.refusals = 0;
    return { at: 'listing', objects: [] };
  };

  const list = async (state: Extract<State<T>, { at: 'listing' }>): Promise<Stepped<T>> => {
    const page = await client.list<T>(type, {
      ...where,
      limit: pageSize,
      signal,
      ...(state.continue !== undefined && { continue: state.continue }),
    });
    const objects = [...state.objects, ...page.items.map(transform)];
    // The server leaves the token out on the last page, or sends an empty one.
    if (page.continue) return { state: { at: 'listing', objects, continue: page.continue } };
    return { state: { at: 'listed', resourceVersion: page.resourceVersion }, step: { type: 'listed', objects } };
  };

  const read = async (state: Extract<State<T>, { at: 'watching' }>): Promise<Stepped<T>> => {
    const line = await state.open.next();
    if (line !== undefined) return took(state, line);
    // The end that was asked for, after 290 s: the next watch begins at once.
    if (!state.open.wasHealthy) return lost(state, new ApiError('Unreadable', CLOSED_SOON), false);
    state.open[Symbol.dispose]();
    losses.failures = 0;
    return { state: resumed(state) };
  };

  const took = (state: Extract<State<T>, { at: 'watching' }>, line: WatchLine<T>): Stepped<T> => {
    if (line.type === 'ERROR') {
      const error = errorOfLine(line);
      return lost(state, error, isGone(error));
    }
    const { resourceVersion } = line.object.metadata;
    if (resourceVersion === undefined || resourceVersion === '') {
      return lost(state, new ApiError('Unreadable', NO_VERSION), true);
    }
    losses.refusals = 0;
    const next: State<T> = { at: 'watching', resourceVersion, open: state.open };
    switch (line.type) {
      case 'ADDED':
      case 'MODIFIED':
        return { state: next, step: { type: 'applied', object: transform(line.object) } };
      case 'DELETED':
        return { state: next, step: { type: 'deleted', object: transform(line.object) } };
      case 'BOOKMARK':
        return { state: next, step: { type: 'bookmark' } };
    }
  };

  const step = async (state: State<T>): Promise<Stepped<T>> => {
    switch (state.at) {
      case 'listing':
        return await list(state);
      case 'listed': {
        const { resourceVersion } = state;
        const open = openWatch<T>({ client, type, where, resourceVersion, clock, timers, signal });
        return { state: { at: 'watching', resourceVersion, open } };
      }
      case 'watching':
        return await read(state);
      case 'waiting':
        await pause(timers, state.ms, signal);
        return { state: state.then };
    }
  };

  return async (state) => {
    try {
      return await step(state);
    } catch (thrown) {
      const error = errorOfThrown(thrown);
      return lost(state, error, isGone(error));
    }
  };
}

/** Where to go on after a loss: at the last version, or at the page that was asked for. */
function resumed<T extends KubeObject>(state: State<T>): State<T> {
  return state.at === 'watching' ? { at: 'listed', resourceVersion: state.resourceVersion } : state;
}

function whereOf({ namespace, labelSelector, fieldSelector }: ListOptions): ListOptions {
  return {
    ...(namespace !== undefined && { namespace }),
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
  };
}

/** Who set which field is half of an object's bytes, and nothing here reads it. */
function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata }: T['metadata'] & { managedFields?: unknown } = object.metadata;
  return { ...object, metadata };
}
