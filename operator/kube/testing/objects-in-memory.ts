import { isDeepStrictEqual } from 'node:util';
import { ApiError } from '../api-error.ts';
import type { KubeClient, ObjectRef } from '../client.ts';
import type { KubeObject, ResourceType } from '../types.ts';
import { keyOfObject } from '../types.ts';

/**
 * A KubeClient over a map, for decisions that hang on what was called when: refusals at a chosen call, deletions between
 * two calls, calls that must not happen. Field managers are not told apart, and nothing is defaulted: what a real API
 * server makes of the objects is shown in test/cluster.
 */
export interface ObjectsInMemory {
  client: KubeClient;
  /** By `plural/namespace/name`. */
  objects: Map<string, KubeObject>;
  /** Called before each call with `verb plural/namespace/name`; what it throws is the answer. */
  meddle: (call: string) => void | Promise<void>;
  /** Calls since the last look, such as `apply services/mail/edge`. */
  takeCalls(): string[];
  /** Changes an object as somebody else would. */
  edit(key: string, change: (object: KubeObject & Record<string, unknown>) => unknown): void;
  /** What a watch of the type would show. */
  live<T extends KubeObject>(type: ResourceType, key: string): T | undefined;
}

export function objectsInMemory(): ObjectsInMemory {
  const objects = new Map<string, KubeObject>();
  let calls: string[] = [];
  let version = 0;
  let uids = 0;

  const called = async (verb: string, key: string): Promise<void> => {
    calls.push(`${verb} ${key}`);
    await memory.meddle(`${verb} ${key}`);
  };
  const put = (key: string, object: KubeObject): KubeObject => {
    const before = objects.get(key);
    // A write that changes nothing makes no new version.
    if (before !== undefined && isDeepStrictEqual(before, object)) return structuredClone(before);
    version += 1;
    const uid = before?.metadata.uid ?? newUid();
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(version) } };
    objects.set(key, structuredClone(stored));
    return stored;
  };
  const newUid = (): string => {
    uids += 1;
    return `uid-${uids}`;
  };
  const write = async (verb: string, key: string, object: object): Promise<KubeObject> => {
    await called(verb, key);
    return put(key, merged(objects.get(key) ?? {}, object) as KubeObject);
  };
  const existing = async (verb: string, key: string, object: object): Promise<KubeObject> => {
    await called(verb, key);
    const before = objects.get(key);
    if (before === undefined) throw new ApiError('NotFound', `${key} not found`);
    return put(key, merged(before, object) as KubeObject);
  };

  const memory: ObjectsInMemory = {
    objects,
    meddle: () => undefined,
    takeCalls: () => {
      const taken = calls;
      calls = [];
      return taken;
    },
    edit: (key, change) => {
      const object = structuredClone(objects.get(key)) as KubeObject & Record<string, unknown>;
      change(object);
      put(key, object);
    },
    live: <T extends KubeObject>(type: ResourceType, key: string) =>
      objects.get(`${type.plural}/${key}`) as T | undefined,
    client: {
      get: async <T extends KubeObject>(type: ResourceType, ref: ObjectRef) => {
        const key = pathOf(type, ref);
        await called('get', key);
        return structuredClone(objects.get(key)) as T | undefined;
      },
      apply: async <T extends KubeObject>(type: ResourceType, object: T) =>
        (await write('apply', pathOf(type, object.metadata), object)) as T,
      applyStatus: async <T extends KubeObject>(type: ResourceType, object: KubeObject & { status: object }) => {
        const { status, metadata } = object;
        return (await existing('applyStatus', pathOf(type, metadata), { status })) as T;
      },
      create: async <T extends KubeObject>(type: ResourceType, object: T) => {
        const key = `${type.plural}/${keyOfObject(object)}`;
        await called('create', key);
        if (objects.has(key)) throw new ApiError('AlreadyExists', `${key} already exists`);
        return put(key, object) as T;
      },
      patch: async <T extends KubeObject>(type: ResourceType, ref: ObjectRef, patch: object) =>
        (await existing('patch', pathOf(type, ref), patch)) as T,
      delete: async (type, ref) => {
        await called('delete', pathOf(type, ref));
        objects.delete(pathOf(type, ref));
      },
      list: () => Promise.reject(new Error('nothing here lists')),
      watch: () => {
        throw new Error('nothing here watches');
      },
      read: () => Promise.reject(new Error('nothing else is read')),
      [Symbol.asyncDispose]: async () => undefined,
    },
  };
  return memory;
}

function pathOf(type: ResourceType, { namespace, name }: ObjectRef): string {
  return `${type.plural}/${namespace === undefined ? name : `${namespace}/${name}`}`;
}

/** As a merge patch (RFC 7396), except that lists of named items keep items of other names. */
function merged(before: unknown, change: unknown): unknown {
  if (Array.isArray(change) && Array.isArray(before) && change.every((item) => nameOf(item) !== undefined)) {
    const names = new Set(change.map(nameOf));
    return [...change, ...before.filter((item) => !names.has(nameOf(item)))];
  }
  if (!isRecord(change) || !isRecord(before)) return change;
  const changed = Object.entries(change).map(([name, inner]) => [name, merged(before[name], inner)]);
  return { ...before, ...Object.fromEntries(changed) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function nameOf(item: unknown): unknown {
  return isRecord(item) ? item.name : undefined;
}
