import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why no file system can be mounted here, or undefined. Tests pass it as `skip`, so that it is told in one line. */
export const mountMissing: string | undefined =
  process.getuid?.() === 0 ? undefined : 'not run: mounting a small file system needs root';

/** A file system of its own, whose size and mode a test can change. */
export interface Tmpfs extends AsyncDisposable {
  folder: string;
  /** @param options of mount, as `size=8m` or `ro` */
  remount(options: string): void;
}

/** @param options of mount, as `size=4m` */
export async function mountTmpfs(options: string): Promise<Tmpfs> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-mount-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]);
  return {
    folder,
    remount: (changed) => void execFileSync('mount', ['-o', `remount,${changed}`, folder]),
    [Symbol.asyncDispose]: async () => {
      execFileSync('umount', [folder]);
      await rm(folder, { recursive: true });
    },
  };
}
