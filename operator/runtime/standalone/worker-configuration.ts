import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ConnectionBucket, ConnectionEntry, WorkerGroup } from '../../../workers/process/contract.ts';
import { readIfPresent, replaceFile } from './atomic-file.ts';

/** As many as the contract's folder layout has. */
const BUCKETS = 16;
const GROUP_FILE = 'group/config.json';

export interface WorkerConfiguration {
  /**
   * Brings the folder to this configuration; writes only files whose content is new. Entries go first, so that a worker
   * that finds its group finds its connections too.
   *
   * @returns names of the files written, relative to the folder
   */
  write(group: WorkerGroup, entries: readonly ConnectionEntry[]): Promise<string[]>;
}

/**
 * The configuration folder of one worker, in the layout that workers/process/contract.ts describes.
 *
 * @param bucketOf the bucket of a uid, 0 to 15
 */
export function workerConfiguration(folder: string, bucketOf: (uid: string) => number): WorkerConfiguration {
  const written = new Map<string, string>();

  const bring = async (name: string, value: WorkerGroup | ConnectionBucket): Promise<string | undefined> => {
    const path = join(folder, name);
    const text = `${JSON.stringify(value)}\n`;
    const known = written.get(name) ?? (await readIfPresent(path));
    if (known !== text) {
      await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
      await replaceFile(path, text);
    }
    written.set(name, text);
    return known === text ? undefined : name;
  };

  return {
    write: async (group, entries) => {
      // Somebody cleared the state folder: a worker that starts would find nothing to serve.
      if (!existsSync(join(folder, GROUP_FILE))) written.clear();
      const buckets = Array.from({ length: BUCKETS }, (): ConnectionEntry[] => []);
      const sorted = entries.toSorted((a, b) => (a.uid < b.uid ? -1 : 1));
      for (const entry of sorted) buckets[bucketOf(entry.uid)]?.push(entry);
      const names = await Promise.all(
        buckets.map((bucket, number) =>
          bring(`connections-${String(number).padStart(2, '0')}/entries.json`, { version: 1, entries: bucket }),
        ),
      );
      names.push(await bring(GROUP_FILE, group));
      return names.filter((name) => name !== undefined);
    },
  };
}
