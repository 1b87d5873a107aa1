import { createHash } from 'node:crypto';
import { ApiError } from './api-error.ts';
import type { KubeClient, ObjectRef } from './client.ts';
import type { KubeObject, ResourceType } from './types.ts';
import { keyOfObject } from './types.ts';

/** An object that should exist with these fields; fields that are not named are left to others. */
export interface WantedObject {
  type: ResourceType;
  object: KubeObject;
}

export interface AppliedObjects {
  /**
   * Applies the object unless it is as wanted already.
   *
   * @param live the object as a watch shows it, undefined where there is none; 'unwatched' where its kind is not watched:
   * then it is read once, and taken to stay as it was applied until it is doubted
   * @throws ApiError
   */
  bring(wanted: WantedObject, live: KubeObject | 'unwatched' | undefined): Promise<void>;
  /**
   * Deletes an object of a kind that is not watched, where it is there.
   *
   * @throws ApiError
   */
  remove(type: ResourceType, ref: Required<ObjectRef>): Promise<void>;
  /** What is not watched is read again at the next `bring` or `remove`. */
  doubt(type: ResourceType, ref: Required<ObjectRef>): void;
}

/** What was applied last, or that the object is gone. */
type Held = { text: string; reference: string; seen: string | undefined } | 'absent';

/** Digest of what was applied, on the object itself: after a restart it tells whether there is anything to apply. */
const APPLIED_ANNOTATION = 'mailhold.dev/applied';

/**
 * Applies objects, and applies them again where somebody changed one of their fields. What the server answered is the
 * measure, so that its own spelling of a value (a default, a quantity) is never taken for a change.
 */
export function createAppliedObjects(client: KubeClient, manager: string): AppliedObjects {
  const held = new Map<string, Held>();

  return {
    bring: async ({ type, object }, live) => {
      const id = idOf(type, keyOfObject(object));
      const marked = withDigest(object);
      const text = JSON.stringify(marked);
      const known = held.get(id);
      const same = known !== undefined && known !== 'absent' && known.text === text;
      if (same && (live === 'unwatched' || (live !== undefined && isAsApplied(known, live, marked)))) return;
      const ref = refOf(object);
      const found = live === 'unwatched' ? (known === undefined ? await client.get(type, ref) : undefined) : live;
      if (known === undefined && found !== undefined && JSON.stringify(project(found, marked)) === text) {
        held.set(id, { text, reference: text, seen: undefined });
        return;
      }
      const result = await applyOver(client, type, marked, found, manager);
      held.set(id, { text, reference: JSON.stringify(project(result, marked)), seen: found?.metadata.resourceVersion });
    },
    remove: async (type, ref) => {
      const id = idOf(type, `${ref.namespace}/${ref.name}`);
      const known = held.get(id);
      if (known === 'absent') return;
      if (known !== undefined || (await client.get(type, ref)) !== undefined) await client.delete(type, ref);
      held.set(id, 'absent');
    },
    doubt: (type, ref) => {
      held.delete(idOf(type, `${ref.namespace}/${ref.name}`));
    },
  };
}

/**
 * Applies; where the server refuses because of what others added to a list (a second port of the same name), the lists
 * are first made ours as a whole.
 */
async function applyOver(
  client: KubeClient,
  type: ResourceType,
  object: KubeObject,
  found: KubeObject | undefined,
  manager: string,
): Promise<KubeObject> {
  try {
    return await client.apply(type, object, { manager });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'Invalid' || found === undefined) throw error;
    if (JSON.stringify(project(found, object)) === JSON.stringify(object)) throw error;
    await client.patch(type, refOf(object), object, { manager });
    return await client.apply(type, object, { manager });
  }
}

function idOf(type: ResourceType, key: string): string {
  return `${type.group}/${type.plural}/${key}`;
}

function refOf({ metadata: { namespace, name } }: KubeObject): ObjectRef {
  return { name, ...(namespace !== undefined && { namespace }) };
}

function withDigest(object: KubeObject): KubeObject {
  const digest = createHash('sha256').update(JSON.stringify(object)).digest('hex').slice(0, 16);
  const annotations = { ...object.metadata.annotations, [APPLIED_ANNOTATION]: digest };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** True also while the watch still shows the version from before we applied. */
function isAsApplied({ seen, reference }: Exclude<Held, 'absent'>, live: KubeObject, object: KubeObject): boolean {
  if (seen !== undefined && live.metadata.resourceVersion === seen) return true;
  return JSON.stringify(project(live, object)) === reference;
}

/** The values in `value` of the fields that `shape` names. Items that others added to a list are not looked at. */
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

/** The item of the same name (containers, volumes and variables have one), else the one at the same place. */
function counterpart(list: readonly unknown[], item: unknown, index: number): unknown {
  const name = nameOf(item);
  return name === undefined ? list[index] : list.find((other) => nameOf(other) === name);
}

function nameOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'name' in item ? item.name : undefined;
}
