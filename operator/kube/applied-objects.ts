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
   * @returns whether it was applied
   * @throws ApiError
   */
  bring(wanted: WantedObject, live: KubeObject | 'unwatched' | undefined): Promise<boolean>;
  /**
   * Deletes an object of a kind that is not watched, where it is there.
   *
   * @throws ApiError
   */
  remove(type: ResourceType, ref: Required<ObjectRef>): Promise<void>;
  /** What is not watched is read again at the next `bring` or `remove`. */
  doubt(type: ResourceType, ref: Required<ObjectRef>): void;
}

/** What was applied last, or that the object is gone. Digests, since Secrets are among the objects. */
type Held =
  | {
      /** Of what was applied. */
      applied: string;
      /** Of the same fields as the server answered them. */
      answered: string;
      /** Version of the object that was there before. */
      before: string | undefined;
    }
  | 'absent';

/** Digest of what was applied, on the object itself: after a restart it tells whether there is anything to apply. */
const APPLIED_ANNOTATION = 'mailhold.dev/applied';

/**
 * Applies objects, and applies them again where somebody changed one of their fields. What the server answered is the
 * measure, so that its own spelling of a value (a default, a quantity) is never taken for a change.
 *
 * It remembers every object that it was ever given: make one for each owner of objects, and drop it with that owner.
 */
export function createAppliedObjects(
  client: Pick<KubeClient, 'get' | 'apply' | 'patch' | 'delete'>,
  manager: string,
): AppliedObjects {
  const held = new Map<string, Held>();

  return {
    bring: async ({ type, object }, live) => {
      const id = idOf(type, keyOfObject(object));
      const marked = withDigest(object);
      const applied = digestOf(marked);
      const known = held.get(id);
      const same = known !== undefined && known !== 'absent' && known.applied === applied;
      if (same && (live === 'unwatched' || (live !== undefined && isAsApplied(known, live, marked)))) return false;
      const found =
        live !== 'unwatched' ? live : known === undefined ? await client.get(type, refOf(object)) : undefined;
      if (known === undefined && found !== undefined && projection(found, marked) === applied) {
        held.set(id, { applied, answered: applied, before: undefined });
        return false;
      }
      const answer = await applyOver(client, type, marked, found, manager);
      held.set(id, { applied, answered: projection(answer, marked), before: found?.metadata.resourceVersion });
      return true;
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
  client: Pick<KubeClient, 'apply' | 'patch'>,
  type: ResourceType,
  object: KubeObject,
  found: KubeObject | undefined,
  manager: string,
): Promise<KubeObject> {
  try {
    return await client.apply(type, object, { manager });
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'Invalid' || found === undefined) throw error;
    if (projection(found, object) === digestOf(object)) throw error;
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
  const annotations = { ...object.metadata.annotations, [APPLIED_ANNOTATION]: digestOf(object).slice(0, 16) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

/** True also while the watch still shows the version from before we applied. */
function isAsApplied({ before, answered }: Exclude<Held, 'absent'>, live: KubeObject, object: KubeObject): boolean {
  if (before !== undefined && live.metadata.resourceVersion === before) return true;
  return projection(live, object) === answered;
}

/** Digest of the fields of `object` that `shape` names, in the order of `shape`. */
function projection(object: KubeObject, shape: KubeObject): string {
  return digestOf(project(object, shape));
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}

/**
 * The values in `value` of the fields that `shape` names. Of a list whose items have names, as containers, volumes and
 * variables do, those that others added are not looked at; of any other (arguments, tolerations) all are, since the
 * server keeps such a list as one value.
 */
function project(value: unknown, shape: unknown): unknown {
  if (typeof shape !== 'object' || shape === null) return value ?? null;
  if (typeof value !== 'object' || value === null) return value ?? null;
  if (!Array.isArray(shape)) {
    return Object.fromEntries(
      Object.entries(shape).map(([name, inner]) => [name, project((value as Record<string, unknown>)[name], inner)]),
    );
  }
  if (!Array.isArray(value)) return value;
  const isOurs = shape.every((item) => nameOf(item) !== undefined);
  if (!isOurs && value.length !== shape.length) return value;
  return shape.map((item, index) => project(counterpart(value, item, index), item));
}

/** The item of the same name (containers, volumes and variables have one), else the one at the same place. */
function counterpart(list: readonly unknown[], item: unknown, index: number): unknown {
  const name = nameOf(item);
  return name === undefined ? list[index] : list.find((other) => nameOf(other) === name);
}

function nameOf(item: unknown): unknown {
  return typeof item === 'object' && item !== null && 'name' in item ? item.name : undefined;
}
