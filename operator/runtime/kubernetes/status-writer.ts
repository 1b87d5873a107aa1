import type { AnyResource, AnyStatus } from '../../api/kinds.ts';
import { API_VERSION } from '../../api/resource.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/types.ts';
import { keyOf } from '../../plan/plan.ts';
import { canonicalJSON } from '../../plan/revision.ts';
import { sameStatus } from '../../plan/same.ts';
import { keepOnly } from '../keep-only.ts';
import { types } from './resource-types.ts';

/** The operator's name as the writer of statuses; that of children is another, so that neither takes fields of the other. */
export const STATUS_MANAGER = 'mailhold-status';

export interface StatusWriter {
  /** The status to go on from: the newest that was planned, or the object's own where nothing was planned yet. */
  current(resource: AnyResource): AnyStatus | undefined;
  /**
   * Remembers what the status should be.
   *
   * @returns the key to `write`, where the object does not show it and that was not said before
   */
  want(resource: AnyResource, status: AnyStatus): string | undefined;
  /** Writes the status wanted last. @throws ApiError */
  write(key: string): Promise<void>;
  /** Forgets objects that are gone. */
  keep(resources: readonly AnyResource[]): void;
}

interface Held {
  /** As the watch showed it last. */
  resource: AnyResource;
  wanted: AnyStatus;
  /** What the server has, as far as we know. */
  live: AnyStatus | undefined;
  /** The status that a write was last asked for: one that fails is tried again by whoever writes, not with every plan. */
  asked: AnyStatus | undefined;
  /** Version of our last write. */
  written: string | undefined;
  /** Versions from before our last write: while the watch shows one of them, it tells nothing new of the status. */
  older: Set<string>;
}

/** Writes statuses, and only where something changed that a reader would want to know. */
export function createStatusWriter(client: Pick<KubeClient, 'applyStatus'>, log: Log): StatusWriter {
  const held = new Map<string, Held>();
  /** uids of objects that got the status of one before them of the same name. */
  const misplaced = new Set<string>();

  return {
    current: (resource) => {
      const one = held.get(idOf(resource));
      if (one !== undefined) return one.wanted;
      return misplaced.has(resource.metadata.uid) ? undefined : resource.status;
    },
    want: (resource, status) => {
      const id = idOf(resource);
      const one = held.get(id) ?? newlyHeld(resource, status);
      held.set(id, one);
      look(one, resource);
      // Numbers that move ride along with the next change; until then the plan goes on from what was written.
      one.wanted = sameStatus(resource.kind, one.wanted, status) ? one.wanted : status;
      if (sameStatus(resource.kind, one.live, one.wanted) || one.asked === one.wanted) return undefined;
      one.asked = one.wanted;
      return id;
    },
    write: async (id) => {
      const one = held.get(id);
      if (one === undefined || sameStatus(one.resource.kind, one.live, one.wanted)) return;
      const { kind, metadata } = one.resource;
      const { namespace, name, uid } = metadata;
      const result = await client.applyStatus<AnyResource>(
        types[kind],
        { apiVersion: API_VERSION, kind, metadata: { namespace, name }, status: one.wanted },
        { manager: STATUS_MANAGER },
      );
      if (result.metadata.uid !== uid) {
        // Deleted and made anew meanwhile. A uid in the write would not help: of custom resources the server ignores it there.
        misplaced.add(result.metadata.uid);
        log.warn('status-misplaced', { kind, namespace, name });
        return;
      }
      noteWrite(one, result);
      log.info('status-written', { kind, namespace, name });
    },
    keep: (resources) => {
      const present = new Set(resources.map(idOf));
      keepOnly(held, present);
      // Whose uid is among these has been planned, from nothing.
      for (const { metadata } of resources) misplaced.delete(metadata.uid);
    },
  };
}

function idOf(resource: AnyResource): string {
  return `${resource.kind}/${keyOf(resource)}/${resource.metadata.uid}`;
}

function newlyHeld(resource: AnyResource, wanted: AnyStatus): Held {
  return { resource, wanted, live: resource.status, asked: undefined, written: undefined, older: new Set() };
}

/** Takes what the watch shows, unless it is from before our last write. */
function look(one: Held, resource: AnyResource): void {
  one.resource = resource;
  if (one.older.has(resource.metadata.resourceVersion ?? '')) return;
  one.older.clear();
  // Somebody else changed it: then it is worth another write, whatever became of the last.
  if (!isEqual(one.live, resource.status)) one.asked = undefined;
  one.live = resource.status;
}

/** @param result the object as the server has it after our write, whose spelling is the measure of later changes */
function noteWrite(one: Held, { metadata, status }: AnyResource): void {
  const { resourceVersion: version } = metadata;
  const shown = one.resource.metadata.resourceVersion;
  one.live = status;
  if (version === shown) one.older.clear();
  else for (const before of [shown, one.written]) if (before !== undefined && before !== version) one.older.add(before);
  one.written = version;
}

function isEqual(a: AnyStatus | undefined, b: AnyStatus | undefined): boolean {
  return a === b || canonicalJSON(a) === canonicalJSON(b);
}
