import { mkdir } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import type { MailArchive } from '../../api/mail-archive.ts';
import { systemCode } from './startup-error.ts';

/**
 * Makes the folder of an archive that is new and lies, by a relative path, beside its manifests. Any other is left to
 * its owner: an absolute path may be a mount point whose volume is missing, and an archive that was there before and is
 * gone must not begin anew. The workers say so in the status.
 *
 * @param folder the manifests' folder, absolute
 */
export async function makeArchiveFolders(folder: string, archives: readonly MailArchive[]): Promise<void> {
  for (const { spec, status } of archives) {
    const { path } = spec.volume;
    if (path === undefined || isAbsolute(path) || status?.archiveId !== undefined) continue;
    try {
      await mkdir(resolve(folder, path), { mode: 0o700 });
    } catch (error) {
      // It is there; or it cannot be made, which the worker finds too, and reports.
      if (systemCode(error) === undefined) throw error;
    }
  }
}
