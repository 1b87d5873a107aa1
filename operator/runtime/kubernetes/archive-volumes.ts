import type { MailArchive } from '../../api/mail-archive.ts';
import type { AppliedObjects } from '../../kube/applied-objects.ts';
import { keyOfObject } from '../../kube/types.ts';
import { archiveClaim } from '../../plan/children/claim.ts';
import { types } from './resource-types.ts';
import type { Watched } from './watched.ts';

export interface ArchiveVolumes {
  /** Whether anything changed that `bring` would look at, since this said so last. */
  isNews(archive: MailArchive): boolean;
  /**
   * Makes the claim of an archive's volume, or takes up the one that is there. It is never deleted: it holds the mail.
   *
   * @throws ApiError
   */
  bring(archive: MailArchive): Promise<void>;
}

/** @param namespaces in which claims may be made */
export function createArchiveVolumes(
  applied: AppliedObjects,
  watched: Watched,
  namespaces: ReadonlySet<string>,
): ArchiveVolumes {
  const signatures = new Map<string, string>();
  return {
    isNews: (archive) => {
      const claim = archiveClaim(archive);
      const live = claim && watched.live(types.PersistentVolumeClaim, keyOfObject(claim));
      const signature = `${archive.metadata.generation} ${live?.metadata.resourceVersion}`;
      if (signatures.get(archive.metadata.uid) === signature) return false;
      signatures.set(archive.metadata.uid, signature);
      return true;
    },
    bring: async (archive) => {
      const claim = archiveClaim(archive);
      if (claim === undefined || !namespaces.has(archive.metadata.namespace)) return;
      const type = types.PersistentVolumeClaim;
      await applied.bring({ type, object: claim }, watched.live(type, keyOfObject(claim)));
    },
  };
}
