import type { MailArchive } from '../../api/mail-archive.ts';
import { archiveClaimName } from '../../plan/children/archive-claim-name.ts';
import type { ClaimState } from '../../plan/inputs.ts';
import { keyOf } from '../../plan/plan.ts';
import { byKey, type LiveClaim } from './watched.ts';

/** The claims of archives' volumes as planning wants to know them, by key of the archive. */
export function claimStates(archives: readonly MailArchive[], claims: readonly LiveClaim[]): Map<string, ClaimState> {
  const known = byKey(claims);
  return new Map(
    archives.map((archive) => {
      const claim = known.get(`${archive.metadata.namespace}/${archiveClaimName(archive)}`);
      return [keyOf(archive), claim === undefined ? { missing: true } : stateOf(claim)];
    }),
  );
}

function stateOf({ spec, status }: LiveClaim): ClaimState {
  const capacity = status?.capacity?.storage;
  return {
    phase: phaseOf(status?.phase),
    // What was asked for, not all that the volume could do: that would change how workers run once it is bound.
    accessModes: spec?.accessModes ?? [],
    ...(capacity !== undefined && { capacity }),
  };
}

function phaseOf(phase: string | undefined): 'Pending' | 'Bound' | 'Lost' {
  return phase === 'Bound' || phase === 'Lost' ? phase : 'Pending';
}
