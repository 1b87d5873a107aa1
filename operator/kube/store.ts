import { type KubeObject, keyOfObject } from './types.ts';

/** What happened to one object, as far as the store shows it. */
export type Change<T extends KubeObject> =
  | { type: 'added'; key: string; object: T }
  | { type: 'changed'; key: string; object: T; previous: T }
  /** `object` is the last state that was seen: from the server's last words, or what the store had. */
  | { type: 'deleted'; key: string; object: T; previous: T };

export interface Store<T extends KubeObject> {
  /** Makes the store hold exactly these. Changes are those from what it held, deletions first. */
  replace(objects: readonly T[]): Change<T>[];
  /** The object exists, and is now so. One that is already known with this version is no change. */
  put(object: T): Change<T>[];
  /** The object exists no more. One that is not known is no change. */
  remove(object: T): Change<T>[];
  get(key: string): T | undefined;
  list(): T[];
}

/** Objects of one kind by key, which tells what each step changes. Versions are compared for being the same, no more. */
export function createStore<T extends KubeObject>(): Store<T> {
  let objects = new Map<string, T>();
  return {
    replace: (listed) => {
      const before = objects;
      objects = new Map(listed.map((object) => [keyOfObject(object), object]));
      const gone = [...before].filter(([key]) => !objects.has(key));
      return [
        ...gone.map(([key, object]): Change<T> => ({ type: 'deleted', key, object, previous: object })),
        ...[...objects].flatMap(([key, object]) => changesTo(key, before.get(key), object)),
      ];
    },
    put: (object) => {
      const key = keyOfObject(object);
      const previous = objects.get(key);
      objects.set(key, object);
      return changesTo(key, previous, object);
    },
    remove: (object) => {
      const key = keyOfObject(object);
      const previous = objects.get(key);
      if (previous === undefined) return [];
      objects.delete(key);
      return [{ type: 'deleted', key, object, previous }];
    },
    get: (key) => objects.get(key),
    list: () => [...objects.values()],
  };
}

function changesTo<T extends KubeObject>(key: string, previous: T | undefined, object: T): Change<T>[] {
  if (previous === undefined) return [{ type: 'added', key, object }];
  if (previous.metadata.resourceVersion === object.metadata.resourceVersion) return [];
  // Deleted and made anew while nobody looked: another object of the same name.
  if (previous.metadata.uid !== object.metadata.uid) {
    return [
      { type: 'deleted', key, object: previous, previous },
      { type: 'added', key, object },
    ];
  }
  return [{ type: 'changed', key, object, previous }];
}
