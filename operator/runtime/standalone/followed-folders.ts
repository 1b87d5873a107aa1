import { type FSWatcher, watch } from 'node:fs';
import { basename } from 'node:path';
import { systemCode } from './startup-error.ts';

export interface FollowedFolders {
  /** Follows exactly these folders from now on. One that does not exist, or not any more, is tried again at the next call. */
  follow(folders: ReadonlySet<string>): void;
}

/**
 * Tells when something in a folder changed, until `signal` aborts. Folders are followed and not files: an editor
 * replaces the file, and a missing one can only be seen to appear so.
 */
export function followFolders(onChange: (folder: string) => void, signal: AbortSignal): FollowedFolders {
  const watchers = new Map<string, FSWatcher>();
  const leave = (folder: string): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };
  signal.addEventListener('abort', () => [...watchers.keys()].forEach(leave), { once: true });

  return {
    follow: (folders) => {
      for (const folder of watchers.keys()) if (!folders.has(folder)) leave(folder);
      for (const folder of folders) {
        if (watchers.has(folder) || signal.aborted) continue;
        try {
          const watcher = watch(folder, (_, name) => {
            // Its own name: it was deleted or moved away, and the watch went with it. The next call finds what is there.
            if (name === basename(folder)) leave(folder);
            onChange(folder);
          });
          watcher.on('error', () => leave(folder));
          watchers.set(folder, watcher);
        } catch (error) {
          if (systemCode(error) === undefined) throw error;
        }
      }
    },
  };
}
