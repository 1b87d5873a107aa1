import type { MailArchive } from '../../api/mail-archive.ts';
import { type AppliedObjects, createAppliedObjects } from '../../kube/applied-objects.ts';
import type { KubeClient } from '../../kube/client.ts';
import { keyOfObject } from '../../kube/types.ts';
import type { PersistentVolumeClaim } from '../../plan/children/child-object.ts';
import { archiveClaim } from '../../plan/children/claim.ts';
import { keepOnly } from '../keep-only.ts';
import { types } from './resource-types.ts';
import { MANAGER } from './secret-object.ts';
import type { LiveClaim, Watched } from './watched.ts';

export interface ArchiveVolumes {
  /** Whether anything changed that `bring` would look at, since this said so last. */
  isNews(archive: MailArchive): boolean;
  /**
   * Makes the claim of an archive's volume, or takes up the one that is there. It is never deleted: it holds the mail.
   *
   * @throws ApiError
   */
  bring(archive: MailArchive): Promise<void>;
  /** Forgets archives that are gone; their claims stay. */
  keep(archives: readonly MailArchive[]): void;
}

interface Known {
  applied: AppliedObjects;
  /** What `bring` depends on, of when `isNews` said so last. */
  signature?: string;
}

/** @param namespaces in which claims may be made */
export function createArchiveVolumes(
  client: KubeClient,
  watched: Pick<Watched, 'live'>,
  namespaces: ReadonlySet<string>,
): ArchiveVolumes {
  /** By uid. */
  const archives = new Map<string, Known>();
  const knownOf = ({ metadata }: MailArchive): Known => {
    const known = archives.get(metadata.uid) ?? { applied: createAppliedObjects(client, MANAGER) };
    archives.set(metadata.uid, known);
    return known;
  };
  const liveOf = (claim: PersistentVolumeClaim): LiveClaim | undefined =>
    watched.live<LiveClaim>(types.PersistentVolumeClaim, keyOfObject(claim));

  return {
    isNews: (archive) => {
      const known = knownOf(archive);
      const claim = archiveClaim(archive);
      const signature = `${archive.metadata.generation} ${claim && liveOf(claim)?.metadata.resourceVersion}`;
      if (known.signature === signature) return false;
      known.signature = signature;
      return true;
    },
    bring: async (archive) => {
      const claim = archiveClaim(archive);
      if (claim === undefined || !namespaces.has(archive.metadata.namespace)) return;
      await knownOf(archive).applied.bring({ type: types.PersistentVolumeClaim, object: claim }, liveOf(claim));
    },
    keep: (present) => {
      const uids = new Set(present.map(({ metadata }) => metadata.uid));
      keepOnly(archives, uids);
    },
  };
}
