import type { KubeClient } from './client.ts';
import type { KubeObject, ResourceType } from './types.ts';
import { keyOfObject } from './types.ts';

/** An object that should exist with these fields; fields that are not named are left to others. */
export interface WantedObject {
  type: ResourceType;
  object: KubeObject;
}

export interface AppliedObjects {
  /**
   * Applies the object unless it is known to be as wanted already.
   *
   * @param live the object as a watch shows it; 'unwatched' where its kind is not watched and nobody else is expected to
   * touch it; undefined where it does not exist
   * @returns the object as the server has it; undefined where nothing was sent and it is not watched
   * @throws ApiError
   */
  bring(wanted: WantedObject, live: KubeObject | 'unwatched' | undefined): Promise<KubeObject | undefined>;
  /** The next `bring` applies it, whatever is known of it. */
  doubt(type: ResourceType, key: string): void;
}

interface Applied {
  text: string;
  /** What the server made of the wanted fields (it fills in defaults and writes quantities its own way). */
  reference: string;
  /** Version that the watch showed when this was applied: until it shows another one, it is behind. */
  seen: string | undefined;
}

/**
 * Applies objects and notices when somebody else changed one of their fields. What the server answered is the measure,
 * so that its own spelling of a value is never taken for a change; after a restart everything is applied once, which
 * changes nothing where nothing changed.
 */
export function createAppliedObjects(client: KubeClient, manager: string): AppliedObjects {
  const held = new Map<string, Applied>();
  return {
    bring: async ({ type, object }, live) => {
      const id = `${type.plural}/${keyOfObject(object)}`;
      const text = JSON.stringify(object);
      const known = held.get(id);
      if (known?.text === text) {
        if (live === 'unwatched') return undefined;
        if (live !== undefined && isAsApplied(known, live, object)) return live;
      }
      const result = await client.apply(type, object, { manager });
      held.set(id, {
        text,
        reference: JSON.stringify(project(result, object)),
        seen: live === 'unwatched' ? undefined : live?.metadata.resourceVersion,
      });
      return result;
    },
    doubt: (type, key) => {
      held.delete(`${type.plural}/${key}`);
    },
  };
}

function isAsApplied(known: Applied, live: KubeObject, object: KubeObject): boolean {
  if (known.seen !== undefined && live.metadata.resourceVersion === known.seen) return true;
  return JSON.stringify(project(live, object)) === known.reference;
}

/** The values in `value` of the fields that `shape` names. Items of others in a list are not looked at. */
function project(value: unknown, shape: unknown): unknown {
  if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return value ?? null;
    return shape.map((item, index) => project(counterpart(value, item, index), item));
  }
  if (typeof shape !== 'object' || shape === null) return value ?? null;
  if (typeof value !== 'object' || value === null) return value ?? null;
  return Object.fromEntries(
    Object.entries(shape).map(([name, inner]) => [name, project((value as Record<string, unknown>)[name], inner)]),
  );
}

/** The item of the same name (as containers, volumes and variables have one), else the one at the same place. */
function counterpart(list: readonly unknown[], item: unknown, index: number): unknown {
  const name = nameOf(item);
  return name === undefined ? list[index] : list.find((other) => nameOf(other) === name);
}

function nameOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'name' in item ? item.name : undefined;
}
