import type { MailArchive } from '../../api/mail-archive.ts';

/** The PersistentVolumeClaim that holds the archive: the owner's, or the one that Mailhold makes (claim.ts). */
export function archiveClaimName({ metadata, spec }: MailArchive): string {
  return spec.volume.claimName ?? `${metadata.name}-mail`;
}
