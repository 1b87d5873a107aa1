import { lineOf, pageOf } from './answers.ts';
import { ApiError } from './api-error.ts';
import type { KubeClient, ListOptions, ListPage, ObjectRef, WatchLine } from './client.ts';
import { jsonLines } from './json-lines.ts';
import type { MeasuredCalls } from './measured-calls.ts';
import { collectionPath, nameFor, objectPath, query } from './resource-path.ts';
import type { KubeObject, ResourceType } from './types.ts';

/** A line is one object. etcd takes 1.5 MB by default, and JSON needs more than that for the same. */
const LONGEST_LINE = 8 * 1024 * 1024;

/** The calls that change nothing. */
export function readCalls(calls: MeasuredCalls): Pick<KubeClient, 'get' | 'list' | 'watch' | 'read'> {
  return {
    get: async <T extends KubeObject>(type: ResourceType, ref: ObjectRef, options: { signal?: AbortSignal } = {}) => {
      try {
        return await calls.callForObject<T>('get', type, {
          method: 'GET',
          path: objectPath(type, ref),
          doing: `get ${nameFor(type, ref)}`,
          idempotent: true,
          signal: options.signal,
        });
      } catch (error) {
        if (error instanceof ApiError && error.code === 'NotFound') return undefined;
        throw error;
      }
    },

    list: async <T extends KubeObject>(
      type: ResourceType,
      options: ListOptions & { limit?: number; continue?: string },
    ): Promise<ListPage<T>> => {
      const { namespace, labelSelector, fieldSelector, limit, signal } = options;
      const doing = `list ${nameFor(type, { namespace })}`;
      const parameters = { labelSelector, fieldSelector, limit, continue: options.continue };
      const path = collectionPath(type, namespace) + query(parameters);
      return pageOf<T>(
        await calls.call('list', type, { method: 'GET', path, doing, idempotent: true, signal }),
        type,
        doing,
      );
    },

    watch: async function* <T extends KubeObject>(
      type: ResourceType,
      options: ListOptions & { resourceVersion: string; timeoutSeconds: number },
    ): AsyncGenerator<WatchLine<T>> {
      const { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds, signal } = options;
      const doing = `watch ${nameFor(type, { namespace })}`;
      const parameters = {
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion,
        timeoutSeconds,
        labelSelector,
        fieldSelector,
      };
      const path = collectionPath(type, namespace) + query(parameters);
      const bytes = calls.stream('watch', type, { method: 'GET', path, doing, idempotent: true, signal });
      try {
        for await (const line of jsonLines(bytes, LONGEST_LINE)) yield lineOf<T>(line, doing);
      } catch (error) {
        // A line that the caller's abort cut in two is no error either.
        if (!signal?.aborted) throw error;
      }
    },

    read: (path, options) =>
      calls.call('read', undefined, {
        method: 'GET',
        path,
        doing: `read ${path}`,
        idempotent: true,
        signal: options?.signal,
      }),
  };
}
