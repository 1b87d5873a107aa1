import type { MailArchive } from '../api/mail-archive.ts';
import type { MailGateway } from '../api/mail-gateway.ts';
import type { ClaimState } from './inputs.ts';

/**
 * Whether workers on several nodes may mount the volume of an archive. What the claim says of itself counts for more than
 * the manifest: its access modes cannot be changed afterwards.
 *
 * @param claim absent where it was not read yet
 */
export function isShareable({ spec }: MailArchive, claim: ClaimState | undefined): boolean {
  if (claim !== undefined && claim.missing !== true) return claim.accessModes.includes('ReadWriteMany');
  return spec.volume.accessMode === 'ReadWriteMany';
}

/** How many receivers there are to be: as asked for, but one where they could not share the volume. */
export function effectiveReplicas({ spec }: MailGateway, archive: MailArchive, claim: ClaimState | undefined): number {
  return isShareable(archive, claim) ? (spec.receiver.replicas ?? 1) : 1;
}
