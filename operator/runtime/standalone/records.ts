import { createHash } from 'node:crypto';
import { readIfPresent, replaceFile } from './atomic-file.ts';
import type { Clock } from './clock.ts';
import { timestamp } from './clock.ts';

/** What Kubernetes' API server adds to an object and keeps, and a folder of files does not. */
export interface ObjectRecord<S> {
  uid: string;
  creationTimestamp: string;
  /** Raised by one at each change of the spec. */
  generation: number;
  status?: S;
}

export interface ObjectKey {
  kind: string;
  namespace: string;
  name: string;
}

export interface Records<S> {
  /** The record of an object with this spec: made where there is none, its generation raised where the spec is new. */
  of(key: ObjectKey, spec: unknown): Readonly<ObjectRecord<S>>;
  setStatus(key: ObjectKey, status: S): void;
  /** Forgets what is not among these; a later object of that name is a new one. */
  keepOnly(keys: readonly ObjectKey[]): void;
  /** Writes the file where something changed since. */
  save(): Promise<void>;
}

interface Kept<S> extends ObjectRecord<S> {
  specDigest: string;
}

/**
 * The records of all objects, kept in one file, so that lights, their times and addresses survive a restart. A file
 * that is damaged or of a newer version is left out: statuses are then found anew.
 *
 * A uid is derived from kind, namespace and name alone. So it also survives the loss of the file; what a cluster tells
 * apart by uid (a deleted object and a new one of its name) is one and the same here.
 */
export async function openRecords<S>(path: string, clock: Clock): Promise<Records<S>> {
  const records = parse<S>(await readIfPresent(path));
  let changed = false;
  let saving = Promise.resolve();

  return {
    of: (key, spec) => {
      const id = idOf(key);
      const specDigest = createHash('sha256').update(canonical(spec)).digest('hex');
      const known = records.get(id);
      if (known?.specDigest === specDigest) return known;
      const next: Kept<S> = {
        uid: known?.uid ?? uidOf(id),
        creationTimestamp: known?.creationTimestamp ?? timestamp(clock),
        generation: (known?.generation ?? 0) + 1,
        specDigest,
        ...(known?.status !== undefined && { status: known.status }),
      };
      records.set(id, next);
      changed = true;
      return next;
    },
    setStatus: (key, status) => {
      const known = records.get(idOf(key));
      if (known === undefined) return;
      known.status = status;
      changed = true;
    },
    keepOnly: (keys) => {
      const kept = new Set(keys.map(idOf));
      for (const id of records.keys()) {
        if (kept.has(id)) continue;
        records.delete(id);
        changed = true;
      }
    },
    save: () => {
      saving = saving.then(async () => {
        if (!changed) return;
        changed = false;
        await replaceFile(path, `${JSON.stringify({ version: 1, objects: Object.fromEntries(records) })}\n`);
      });
      return saving;
    },
  };
}

function parse<S>(text: string | undefined): Map<string, Kept<S>> {
  if (text === undefined) return new Map();
  try {
    const value = JSON.parse(text) as { version?: unknown; objects?: Record<string, Kept<S>> };
    return new Map(value.version === 1 ? Object.entries(value.objects ?? {}) : []);
  } catch {
    // Half a file cannot be (it is replaced whole); whatever it is, all in it can be found again.
    return new Map();
  }
}

function idOf({ kind, namespace, name }: ObjectKey): string {
  return `${kind}/${namespace}/${name}`;
}

/** RFC 9562 version 8: a UUID of the application's own making. */
function uidOf(id: string): string {
  const bytes = createHash('sha256').update(`mailhold-uid-v1\0${id}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** JSON with its keys in order, so that a reordered manifest is the same spec. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
