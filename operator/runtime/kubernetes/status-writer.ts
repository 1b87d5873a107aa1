import type { AnyResource, AnyStatus } from '../../api/kinds.ts';
import { API_VERSION } from '../../api/resource.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/types.ts';
import { keyOf } from '../../plan/plan.ts';
import { canonicalJSON } from '../../plan/revision.ts';
import { sameStatus } from '../../plan/same.ts';
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
  resource: AnyResource;
  wanted: AnyStatus;
  /** Versions of our own writes that the watch has not shown yet, oldest first. */
  unseen: string[];
  /** What the server has, as far as we know. */
  live: AnyStatus | undefined;
  /** The status that a write was last asked for: one that fails is tried again by whoever writes, not with every plan. */
  asked: AnyStatus | undefined;
}

/** Writes statuses, and only where something changed that a reader would want to know. */
export function createStatusWriter(client: KubeClient, log: Log): StatusWriter {
  const held = new Map<string, Held>();
  const idOf = (resource: AnyResource): string => `${resource.kind}/${keyOf(resource)}/${resource.metadata.uid}`;

  return {
    current: (resource) => held.get(idOf(resource))?.wanted ?? resource.status,
    want: (resource, status) => {
      const id = idOf(resource);
      const one: Held = held.get(id) ?? {
        resource,
        wanted: status,
        unseen: [],
        live: resource.status,
        asked: undefined,
      };
      held.set(id, one);
      one.resource = resource;
      const version = resource.metadata.resourceVersion;
      const behind = version !== undefined && one.unseen.includes(version) && one.unseen.at(-1) !== version;
      if (one.unseen.length === 0 || (!behind && one.unseen.includes(version ?? ''))) {
        one.unseen = [];
        if (!isEqual(one.live, resource.status)) one.asked = undefined;
        one.live = resource.status;
      }
      // Numbers that move ride along with the next change; until then the plan goes on from what was written.
      one.wanted = sameStatus(resource.kind, one.wanted, status) ? one.wanted : status;
      if (sameStatus(resource.kind, one.live, one.wanted) || one.asked === one.wanted) return undefined;
      one.asked = one.wanted;
      return id;
    },
    write: async (id) => {
      const one = held.get(id);
      if (one === undefined || sameStatus(one.resource.kind, one.live, one.wanted)) return;
      const { resource, wanted } = one;
      const { namespace, name, uid } = resource.metadata;
      const result = await client.applyStatus<AnyResource>(
        types[resource.kind],
        // The uid makes a write to a re-created object of the same name fail instead of giving it an old status.
        { apiVersion: API_VERSION, kind: resource.kind, metadata: { namespace, name, uid }, status: wanted },
        { manager: STATUS_MANAGER },
      );
      one.live = wanted;
      const version = result.metadata.resourceVersion;
      if (version !== undefined && version !== resource.metadata.resourceVersion) one.unseen.push(version);
      log.info('status-written', { kind: resource.kind, namespace, name });
    },
    keep: (resources) => {
      const present = new Set(resources.map(idOf));
      for (const id of held.keys()) if (!present.has(id)) held.delete(id);
    },
  };
}

function isEqual(a: AnyStatus | undefined, b: AnyStatus | undefined): boolean {
  return a === b || canonicalJSON(a) === canonicalJSON(b);
}
