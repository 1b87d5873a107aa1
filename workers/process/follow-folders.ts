import { type FSWatcher, watch } from 'node:fs';
import type { Logger } from './logger.ts';

/** A missed notification (a full inotify queue, an odd file system) is found by reading again this often. */
const RESCAN_MS = 5_000;
/** One write shows as several notifications; they are taken together. */
const SETTLE_MS = 5;

export interface FollowOptions {
  /** Folders that are looked at, not deeply. One that is not there yet is looked for at every reading. */
  folders: readonly string[];
  /** Reads what is in them, and tells its own errors: one that it throws ends the process. Never called twice at once. */
  read: () => Promise<void>;
  logger: Logger;
  signal: AbortSignal;
}

/**
 * Calls `read` at once, and then whenever something in the folders may have changed, until `signal` aborts. A Secret that
 * the kubelet mounts changes by one rename of the link `..data` in its folder, which is seen like any other change.
 */
export function followFolders({ folders, read, logger, signal }: FollowOptions): void {
  const watchers = new Map<string, FSWatcher>();
  let settle: NodeJS.Timeout | undefined;
  let reading = false;
  let again = false;

  const readAll = async (): Promise<void> => {
    if (signal.aborted) return;
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      do {
        again = false;
        // Before reading, so that no change falls between the two.
        watchFolders();
        await read();
      } while (again && !signal.aborted);
    } finally {
      reading = false;
    }
  };
  const soon = (): void => {
    settle ??= setTimeout(() => {
      settle = undefined;
      void readAll();
    }, SETTLE_MS);
  };
  const watchFolders = (): void => {
    for (const folder of folders) {
      if (watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, soon);
        watcher.on('error', () => {
          watcher.close();
          watchers.delete(folder);
        });
        watchers.set(folder, watcher);
      } catch (error) {
        if (!isMissing(error)) logger.warn('folder-not-watched', { folder });
      }
    }
  };

  const rescan = setInterval(() => void readAll(), RESCAN_MS);
  signal.addEventListener(
    'abort',
    () => {
      clearInterval(rescan);
      clearTimeout(settle);
      for (const watcher of watchers.values()) watcher.close();
    },
    { once: true },
  );
  void readAll();
}

/** True for the error of a file or folder that is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
