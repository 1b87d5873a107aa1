import type { KubeObject, ResourceType } from './types.ts';

/** Which object of a type. `namespace` is left out for cluster-scoped types. */
export interface ObjectRef {
  namespace?: string;
  name: string;
}

export interface ListOptions {
  /** Left out: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  signal?: AbortSignal;
}

export interface ListPage<T extends KubeObject> {
  items: T[];
  /** Of the list: where a watch goes on from. */
  resourceVersion: string;
  /** Token of the next page; absent on the last. */
  continue?: string;
}

/** One line of a watch, as the server sends it. */
export type WatchLine<T extends KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; object: { metadata: { resourceVersion: string } } }
  | {
      type: 'ERROR';
      object: { code?: number; reason?: string; message?: string; details?: { retryAfterSeconds?: number } };
    };

export interface WriteOptions {
  /** Name of the field manager; one for each writer. */
  manager: string;
  signal?: AbortSignal;
}

/**
 * Calls of the API server over one shared agent. Every call has a deadline (10 s where nothing else is said) and rejects
 * with ApiError alone.
 */
export interface KubeClient extends AsyncDisposable {
  /** @returns undefined where there is none (404) */
  get<T extends KubeObject>(
    type: ResourceType,
    ref: ObjectRef,
    options?: { signal?: AbortSignal },
  ): Promise<T | undefined>;
  list<T extends KubeObject>(
    type: ResourceType,
    options: ListOptions & { limit?: number; continue?: string },
  ): Promise<ListPage<T>>;
  /** Lines of a watch from `resourceVersion` on, with bookmarks; ends when the server closes it. */
  watch<T extends KubeObject>(
    type: ResourceType,
    options: ListOptions & { resourceVersion: string; timeoutSeconds: number },
  ): AsyncGenerator<WatchLine<T>>;
  /** Server-side apply of exactly these fields, with force. Returns the object as it is now. */
  apply<T extends KubeObject>(type: ResourceType, object: T, options: WriteOptions): Promise<T>;
  /** Server-side apply of `status` alone, to the subresource. */
  applyStatus<T extends KubeObject>(
    type: ResourceType,
    object: KubeObject & { status: object },
    options: WriteOptions,
  ): Promise<T>;
  /** Creates; rejects with reason AlreadyExists where there is one. */
  create<T extends KubeObject>(type: ResourceType, object: T, options: WriteOptions): Promise<T>;
  /** JSON merge patch (RFC 7396). */
  patch<T extends KubeObject>(type: ResourceType, ref: ObjectRef, patch: object, options: WriteOptions): Promise<T>;
  /** Deletes, with background propagation; an object that is already gone is no error. */
  delete(type: ResourceType, ref: ObjectRef, options?: { uid?: string; signal?: AbortSignal }): Promise<void>;
  /** Any other read, such as `/version` or `/readyz`. */
  read(path: string, options?: { signal?: AbortSignal }): Promise<unknown>;
}
