import type { MailArchive } from '../../api/mail-archive.ts';
import { archiveClaimName } from './archive-claim-name.ts';
import type { PersistentVolumeClaim } from './child-object.ts';
import { archiveLabels } from './labels.ts';

/**
 * The claim that Mailhold makes for an archive, or none where the archive takes a claim of its owner. It belongs to the
 * archive, which several gateways may share, and carries no owner reference: mail outlives the archive's manifest, and an
 * archive of the same name takes the claim up again.
 *
 * Of its spec, an API server lets only a larger size through later; anything else is refused as Invalid.
 */
export function archiveClaim(archive: MailArchive): PersistentVolumeClaim | undefined {
  const { claimName, size, storageClassName, accessMode } = archive.spec.volume;
  if (claimName !== undefined || size === undefined) return undefined;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: archiveClaimName(archive),
      namespace: archive.metadata.namespace,
      labels: archiveLabels(archive.metadata.name),
    },
    spec: {
      accessModes: [accessMode ?? 'ReadWriteOnce'],
      resources: { requests: { storage: size } },
      ...(storageClassName !== undefined && { storageClassName }),
    },
  };
}
