import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConnectionBucket, ConnectionEntry, WorkerGroup } from './contract.ts';
import { FaultError } from './fault-error.ts';
import { followFolders, isMissing } from './follow-folders.ts';
import type { Logger } from './logger.ts';

/** Sixteen, because Kubernetes fixes the Secrets that a pod mounts when the pod is made. */
export const BUCKETS = 16;

/** Everything a worker serves: its group, and the connections by uid. */
export interface Configuration<G extends WorkerGroup, E extends ConnectionEntry> {
  group: G;
  entries: ReadonlyMap<string, E>;
}

export interface WatchOptions<G extends WorkerGroup, E extends ConnectionEntry> {
  folder: string;
  role: G['role'];
  /** Called with the first complete configuration and after each change, never twice at once. */
  onChange: (configuration: Configuration<G, E>) => Promise<void>;
  logger: Logger;
  signal: AbortSignal;
}

interface Source {
  path: string;
  text: string | undefined;
  value: unknown;
}

/**
 * Watches a configuration folder until `signal` aborts. A file that cannot be read or parsed keeps its last good
 * content, so that a half-written or newer file never takes a connection away; a bucket that is absent is empty.
 */
export function watchConfiguration<G extends WorkerGroup, E extends ConnectionEntry>(
  options: WatchOptions<G, E>,
): void {
  const { folder, logger, signal } = options;
  const folders = ['group', ...Array.from({ length: BUCKETS }, (_, bucket) => bucketFolder(bucket))];
  const sources: Source[] = folders.map((name) => ({
    path: join(folder, name, name === 'group' ? 'config.json' : 'entries.json'),
    text: undefined,
    value: undefined,
  }));
  const read = async (): Promise<void> => {
    try {
      const changed = await Promise.all(sources.map((source) => refresh(source, options)));
      if (changed.some(Boolean) && sources[0]?.value !== undefined) await options.onChange(assemble<G, E>(sources));
    } catch (error) {
      logger.error('configuration-not-applied', { error: error instanceof Error ? error.message : String(error) });
    }
  };
  // Folders of optional Secrets may appear later.
  followFolders({ folders: ['.', ...folders].map((name) => join(folder, name)), read, logger, signal });
}

/** Folder name of a bucket, `connections-00` to `connections-15`. */
function bucketFolder(bucket: number): string {
  return `connections-${String(bucket).padStart(2, '0')}`;
}

/** True where the source's content is new and usable. */
async function refresh<G extends WorkerGroup, E extends ConnectionEntry>(
  source: Source,
  { role, logger }: WatchOptions<G, E>,
): Promise<boolean> {
  let text: string | undefined;
  try {
    text = await readFile(source.path, 'utf8');
  } catch (error) {
    if (!isMissing(error)) {
      logger.warn('configuration-unreadable', { file: source.path });
      return false;
    }
  }
  if (text === source.text) return false;
  source.text = text;
  if (text === undefined) {
    source.value = undefined;
    return true;
  }
  try {
    source.value = parse(text, role);
    return true;
  } catch (error) {
    logger.error('configuration-invalid', {
      file: source.path,
      error: error instanceof FaultError ? error.message : 'it is not JSON',
    });
    return false;
  }
}

function parse(text: string, role: WorkerGroup['role']): unknown {
  const value = JSON.parse(text) as { version?: unknown; role?: unknown };
  if (value.version !== 1) {
    throw new FaultError(
      'InvalidConfiguration',
      'never',
      `version ${String(value.version)} is not known to this worker`,
    );
  }
  if (value.role !== undefined && value.role !== role) {
    throw new FaultError('InvalidConfiguration', 'never', `it is for a ${String(value.role)}, and this is a ${role}`);
  }
  return value;
}

function assemble<G extends WorkerGroup, E extends ConnectionEntry>(sources: Source[]): Configuration<G, E> {
  const [group, ...buckets] = sources.map((source) => source.value);
  const entries = new Map<string, E>();
  for (const bucket of buckets as (ConnectionBucket<E> | undefined)[]) {
    for (const entry of bucket?.entries ?? []) entries.set(entry.uid, entry);
  }
  return { group: group as G, entries };
}
