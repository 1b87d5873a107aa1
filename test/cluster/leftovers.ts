import { existsSync } from 'node:fs';
import { readdir, readFile, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

/** Of the folders of clusters, in the folder for temporary files. */
export const FOLDER_PREFIX = 'mailhold-cluster-';
/** In a cluster's folder: the process that owns it. */
export const OWNER_FILE = 'keeper.pid';

const CGROUPS = '/sys/fs/cgroup';
const RETRIES = { maxRetries: 20, retryDelay: 100 };

/**
 * Removes what clusters have left whose keeper was killed. Their processes and mounts died with it: they lived in
 * namespaces of their own.
 */
export async function clearLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const folder = join(tmpdir(), name);
    const owner = await readFile(join(folder, OWNER_FILE), 'utf8').catch(() => undefined);
    // Without the file it is only just being made.
    if (owner !== undefined && !existsSync(join('/proc', owner))) await removeCluster(folder);
  }
}

/** Removes the folder and the cgroups of a cluster that has ended. */
export async function removeCluster(folder: string): Promise<void> {
  for (const path of await cgroupsOf(folder)) await removeCgroup(path);
  await rm(folder, { recursive: true, force: true, ...RETRIES });
}

/** Where the cgroup of a cluster's pods is: one folder, or in cgroup v1 one for each controller. */
export async function cgroupsOf(folder: string): Promise<string[]> {
  const name = basename(folder);
  const controllers = await readdir(CGROUPS).catch(() => []);
  const paths = [join(CGROUPS, name), ...controllers.map((controller) => join(CGROUPS, controller, name))];
  return paths.filter((path) => existsSync(path));
}

async function removeCgroup(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeCgroup(join(path, entry.name));
  }
  // The kernel takes a moment to let go of the processes that were in it.
  for (let left = RETRIES.maxRetries; ; left -= 1) {
    try {
      return await rmdir(path);
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRIES.retryDelay));
    }
  }
}
