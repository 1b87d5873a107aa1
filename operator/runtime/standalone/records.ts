import { derivedUid } from '../../api/validate-resource.ts';
import type { Clock } from '../clock.ts';
import { timestamp } from '../clock.ts';
import { readIfPresent, replaceFile } from './atomic-file.ts';

/** What Kubernetes' API server adds to an object and keeps, and a folder of files does not. */
export interface ObjectRecord<Spec, Status> {
  uid: string;
  creationTimestamp: string;
  /** Raised by one at each change of the spec. */
  generation: number;
  spec: Spec;
  status?: Status;
}

export interface ObjectKey {
  kind: string;
  namespace: string;
  name: string;
}

export interface Records<Spec, Status> {
  /** The spec that was recorded last. */
  spec(key: ObjectKey): Spec | undefined;
  /** The record of an object with this spec: made where there is none, its generation raised where the spec is new. */
  of(key: ObjectKey, spec: Spec): Readonly<ObjectRecord<Spec, Status>>;
  /**
   * @param same whether nothing changed that is worth a write; what moves all the time rides along with the next one
   * @returns the status to go on with: the one before, itself, where this one is equal
   */
  setStatus(key: ObjectKey, status: Status, same: (a: Status | undefined, b: Status) => boolean): Status;
  /** Forgets what is not among these; a later object of that name is a new one. */
  keepOnly(keys: readonly ObjectKey[]): void;
  /** Writes the file where something changed since. */
  save(): Promise<void>;
}

/**
 * The records of all objects, kept in one file, so that lights, their times and addresses survive a restart. A file
 * that is damaged or of a newer version is left out: statuses are then found anew.
 *
 * A uid is derived from kind, namespace and name alone. So it also survives the loss of the file; what a cluster tells
 * apart by uid (a deleted object and a new one of its name) is one and the same here.
 */
export async function openRecords<Spec, Status>(path: string, clock: Clock): Promise<Records<Spec, Status>> {
  const records = parse<Spec, Status>(await readIfPresent(path));
  // Texts of the statuses, so that each is made once for all comparisons.
  const statusTexts = new Map<string, string>();
  let changed = false;
  let saving = Promise.resolve();

  const write = async (): Promise<void> => {
    if (!changed) return;
    changed = false;
    try {
      await replaceFile(path, `${JSON.stringify({ version: 1, objects: Object.fromEntries(records) })}\n`);
    } catch (error) {
      changed = true;
      throw error;
    }
  };

  return {
    spec: (key) => records.get(idOf(key))?.spec,
    of: (key, spec) => {
      const id = idOf(key);
      const known = records.get(id);
      if (known !== undefined && (known.spec === spec || canonical(known.spec) === canonical(spec))) {
        known.spec = spec;
        return known;
      }
      const next: ObjectRecord<Spec, Status> = {
        uid: derivedUid(key.kind, key.namespace, key.name),
        creationTimestamp: known?.creationTimestamp ?? timestamp(clock),
        generation: (known?.generation ?? 0) + 1,
        spec,
        ...(known?.status !== undefined && { status: known.status }),
      };
      records.set(id, next);
      changed = true;
      return next;
    },
    setStatus: (key, status, same) => {
      const id = idOf(key);
      const known = records.get(id);
      if (known === undefined) return status;
      const before = statusTexts.get(id) ?? JSON.stringify(known.status);
      const text = JSON.stringify(status);
      statusTexts.set(id, text);
      if (text === before && known.status !== undefined) return known.status;
      if (!same(known.status, status)) changed = true;
      known.status = status;
      return status;
    },
    keepOnly: (keys) => {
      const kept = new Set(keys.map(idOf));
      for (const id of records.keys()) {
        if (kept.has(id)) continue;
        records.delete(id);
        statusTexts.delete(id);
        changed = true;
      }
    },
    save: () => {
      // One after the other, also after one that failed.
      const next = saving.then(write, write);
      saving = next.catch(() => undefined);
      return next;
    },
  };
}

function parse<Spec, Status>(text: string | undefined): Map<string, ObjectRecord<Spec, Status>> {
  if (text === undefined) return new Map();
  try {
    const value = JSON.parse(text) as { version?: unknown; objects?: Record<string, ObjectRecord<Spec, Status>> };
    return new Map(value.version === 1 ? Object.entries(value.objects ?? {}) : []);
  } catch {
    // Half a file cannot be (it is replaced whole); whatever it is, all in it can be found again.
    return new Map();
  }
}

function idOf({ kind, namespace, name }: ObjectKey): string {
  return `${kind}/${namespace}/${name}`;
}

/** JSON with its keys in order, so that a reordered manifest is the same spec. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
