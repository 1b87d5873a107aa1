import { ApiError } from '../operator/kube/api-error.ts';
import type { KubeClient, ObjectRef } from '../operator/kube/client.ts';
import type { KubeObject, ResourceType } from '../operator/kube/types.ts';
import { keyOfObject } from '../operator/kube/types.ts';

/**
 * A KubeClient over a map. It stands in where a test needs what a real API server does not do at will: forbid one object,
 * stay silent, or be overtaken between two calls. With a real one the same is shown in test/cluster/gateway-material.test.ts.
 */
export interface SecretsInMemory {
  client: KubeClient;
  objects: Map<string, KubeObject>;
  /** `verb namespace/name`, in order. */
  calls: string[];
  /** Called before each call; what it throws is the answer to it. */
  meddle: (call: string) => void | Promise<void>;
  /** Calls since the last look. */
  takeCalls(): string[];
}

export function secretsInMemory(): SecretsInMemory {
  const objects = new Map<string, KubeObject>();
  let version = 0;
  const memory: SecretsInMemory = {
    objects,
    calls: [],
    meddle: () => undefined,
    takeCalls: () => memory.calls.splice(0),
    client: {
      get: async <T extends KubeObject>(_type: ResourceType, ref: ObjectRef) => {
        await called('get', keyOf(ref));
        return objects.get(keyOf(ref)) as T | undefined;
      },
      create: async <T extends KubeObject>(_type: ResourceType, object: T) => {
        const key = keyOfObject(object);
        await called('create', key);
        if (objects.has(key)) throw new ApiError('AlreadyExists', `secrets "${key}" already exists`);
        return put(key, object);
      },
      apply: async <T extends KubeObject>(_type: ResourceType, object: T) => {
        await called('apply', keyOfObject(object));
        return put(keyOfObject(object), object);
      },
      patch: async <T extends KubeObject>(_type: ResourceType, ref: ObjectRef, patch: object) => {
        await called('patch', keyOf(ref));
        const before = objects.get(keyOf(ref));
        const { metadata, ...rest } = patch as Partial<KubeObject>;
        if (before === undefined) throw new ApiError('NotFound', 'not found');
        if (metadata?.resourceVersion !== before.metadata.resourceVersion) throw new ApiError('Conflict', 'conflict');
        return put(keyOf(ref), { ...before, ...rest }) as T;
      },
      delete: () => Promise.reject(new Error('nothing here deletes')),
      list: () => Promise.reject(new Error('Secrets are never listed')),
      watch: () => {
        throw new Error('Secrets are never watched');
      },
      applyStatus: () => Promise.reject(new Error('a Secret has no status')),
      read: () => Promise.reject(new Error('nothing else is read')),
      [Symbol.asyncDispose]: async () => undefined,
    },
  };
  const called = async (verb: string, key: string): Promise<void> => {
    memory.calls.push(`${verb} ${key}`);
    await memory.meddle(`${verb} ${key}`);
  };
  const put = <T extends KubeObject>(key: string, object: T): T => {
    version += 1;
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    objects.set(key, stored);
    return stored;
  };
  return memory;
}

function keyOf({ namespace, name }: ObjectRef): string {
  return `${namespace}/${name}`;
}

/** A Secret as a person makes it. */
export function secretObject(
  key: string,
  values: Record<string, string>,
  hosts?: string,
): KubeObject & { data: object } {
  const [namespace = '', name = ''] = key.split('/');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, name, ...(hosts !== undefined && { annotations: { 'mailhold.dev/host': hosts } }) },
    data: Object.fromEntries(
      Object.entries(values).map(([name, text]) => [name, Buffer.from(text).toString('base64')]),
    ),
  };
}
