import { ApiError } from './api-error.ts';
import { applyBody } from './apply-body.ts';
import type { KubeClient, ObjectRef, WriteOptions } from './client.ts';
import type { MeasuredCalls, Verb } from './measured-calls.ts';
import { collectionPath, nameFor, objectPath, query } from './resource-path.ts';
import type { KubeObject, ResourceType } from './types.ts';

/**
 * A field that the server does not know refuses the whole write, and its words reach the person who wrote the field. `Warn`
 * and `Ignore` drop the field and say that all is well: a setting that somebody relies on would be missing in silence. (An
 * apply is refused by the schema whatever is said here; a duplicate field of it is not.)
 */
const FIELD_VALIDATION = 'Strict';

/** The calls that change something. `get` is for a deletion that meets another object under the name. */
export function writeCalls(
  calls: MeasuredCalls,
  get: KubeClient['get'],
): Pick<KubeClient, 'apply' | 'applyStatus' | 'create' | 'patch' | 'delete'> {
  const apply = <T extends KubeObject>(
    verb: Verb,
    type: ResourceType,
    object: KubeObject,
    { manager, signal }: WriteOptions,
    subresource?: 'status',
  ): Promise<T> =>
    calls.callForObject<T>(verb, type, {
      method: 'PATCH',
      path:
        objectPath(type, object.metadata, subresource) +
        query({ fieldManager: manager, force: true, fieldValidation: FIELD_VALIDATION }),
      doing: `apply ${subresource === undefined ? '' : 'the status of '}${nameFor(type, object.metadata)}`,
      body: applyBody(object),
      idempotent: true,
      discreet: mayQuoteSecret(type),
      signal,
    });

  return {
    apply: (type, object, options) => apply('apply', type, object, options),

    applyStatus: (type, { apiVersion, kind, metadata: { name, namespace }, status }, options) => {
      // A uid would guard nothing: of custom resources the server ignores it here.
      const metadata = { name, ...(namespace !== undefined && { namespace }) };
      const object: KubeObject & { status: object } = { apiVersion, kind, metadata, status };
      return apply('applyStatus', type, object, options, 'status');
    },

    create: (type, object, { manager, signal }) =>
      calls.callForObject('create', type, {
        method: 'POST',
        path:
          collectionPath(type, object.metadata.namespace) +
          query({ fieldManager: manager, fieldValidation: FIELD_VALIDATION }),
        doing: `create ${nameFor(type, object.metadata)}`,
        body: { contentType: 'application/json', text: JSON.stringify(object) },
        idempotent: false,
        discreet: mayQuoteSecret(type),
        signal,
      }),

    patch: (type, ref, patch, { manager, signal }) =>
      calls.callForObject('patch', type, {
        method: 'PATCH',
        path: objectPath(type, ref) + query({ fieldManager: manager, fieldValidation: FIELD_VALIDATION }),
        doing: `patch ${nameFor(type, ref)}`,
        body: { contentType: 'application/merge-patch+json', text: JSON.stringify(patch) },
        idempotent: true,
        discreet: mayQuoteSecret(type),
        signal,
      }),

    delete: async (type, ref, { uid, signal } = {}) => {
      try {
        await calls.call('delete', type, deletion(type, ref, uid, signal));
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.code === 'NotFound') return;
        if (error.code !== 'Conflict' || uid === undefined) throw error;
        // Another object has the name by now: the one that was meant is gone.
        const inItsPlace = await get(type, ref, signal === undefined ? {} : { signal });
        if (inItsPlace?.metadata.uid === uid) throw error;
      }
    },
  };
}

function deletion(type: ResourceType, ref: ObjectRef, uid: string | undefined, signal: AbortSignal | undefined) {
  const options = {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    propagationPolicy: 'Background',
    ...(uid !== undefined && { preconditions: { uid } }),
  };
  return {
    method: 'DELETE' as const,
    path: objectPath(type, ref),
    doing: `delete ${nameFor(type, ref)}`,
    body: { contentType: 'application/json', text: JSON.stringify(options) },
    idempotent: true,
    signal,
  };
}

function mayQuoteSecret(type: ResourceType): boolean {
  return type.group === '' && type.plural === 'secrets';
}
