import { type Verdict, verdictOf } from '../api/conditions.ts';
import type { MailArchive } from '../api/mail-archive.ts';
import type { ClaimState } from './inputs.ts';

/**
 * What keeps the volume of an archive from being mounted; undefined where nothing does. A claim waits for its first pod
 * where the storage class binds late (WaitForFirstConsumer), so one that is pending is on its way.
 *
 * @param claim absent where it was not read yet
 */
export function claimVerdict({ metadata, spec }: MailArchive, claim: ClaimState | undefined): Verdict | undefined {
  if (claim === undefined) return verdictOf('Unknown', 'Progressing', 'The claim of the volume is being read or made.');
  const { claimName } = spec.volume;
  if (claim.missing === true) {
    if (claimName === undefined) return verdictOf('Unknown', 'Progressing', 'The claim of the volume is being made.');
    return notBound(
      `There is no PersistentVolumeClaim ${metadata.namespace}/${claimName}, which spec.volume.claimName names; make it, or write size for one that Mailhold makes.`,
    );
  }
  const which = claimName === undefined ? 'The claim of the volume' : `The claim ${claimName}`;
  switch (claim.phase) {
    case 'Bound':
      return undefined;
    case 'Pending':
      return verdictOf('Unknown', 'Progressing', `${which} waits for a volume, or for its first worker.`);
    case 'Lost':
      return notBound(
        `${which} has lost its volume: the PersistentVolume that it is bound to is gone. Bring that back; a new one would be an empty archive.`,
      );
  }
}

function notBound(message: string): Verdict {
  return verdictOf('False', 'ClaimNotBound', message);
}
