import type { ArchiveConnectionStatus } from '../api/archive-connection.ts';
import type { AnyResource, AnyStatus } from '../api/kinds.ts';
import type { MailArchiveStatus } from '../api/mail-archive.ts';
import type { MailGatewayStatus } from '../api/mail-gateway.ts';
import { canonicalJSON } from './revision.ts';

/**
 * Whether a status need not be written: the two differ in nothing but numbers and times that move while everything is
 * as it was. A scheduled test that passes again, one more message, one more refusal of a known kind write nothing; they
 * ride along with the next change. BACKLOG and FREE are rounded, so their text counts.
 */
export function sameForWriting(
  a: ArchiveConnectionStatus | undefined,
  b: ArchiveConnectionStatus | undefined,
): boolean {
  return a === b || (a !== undefined && b !== undefined && canonicalJSON(still(a)) === canonicalJSON(still(b)));
}

export function sameGatewayForWriting(a: MailGatewayStatus | undefined, b: MailGatewayStatus | undefined): boolean {
  const still = (status: MailGatewayStatus | undefined) => ({
    ...status,
    unknownRecipients: status?.unknownRecipients !== undefined,
  });
  return canonicalJSON(still(a)) === canonicalJSON(still(b));
}

export function sameArchiveForWriting(a: MailArchiveStatus | undefined, b: MailArchiveStatus | undefined): boolean {
  const still = (status: MailArchiveStatus | undefined) => ({
    ...status,
    lastCommitTime: status?.lastCommitTime !== undefined,
  });
  return canonicalJSON(still(a)) === canonicalJSON(still(b));
}

/** The same for two statuses that are both of this kind. */
export function sameStatus(kind: AnyResource['kind'], a: AnyStatus | undefined, b: AnyStatus): boolean {
  switch (kind) {
    case 'ArchiveConnection':
      return sameForWriting(a as ArchiveConnectionStatus | undefined, b as ArchiveConnectionStatus);
    case 'MailGateway':
      return sameGatewayForWriting(a as MailGatewayStatus | undefined, b as MailGatewayStatus);
    case 'MailArchive':
      return sameArchiveForWriting(a as MailArchiveStatus | undefined, b as MailArchiveStatus);
  }
}

/** A status without what moves: of each such thing only that it is there, or its kind. */
function still(status: ArchiveConnectionStatus): object {
  return {
    ...status,
    counts: status.counts !== undefined,
    lastStoredTime: status.lastStoredTime !== undefined,
    lastTest: status.lastTest && {
      result: status.lastTest.result,
      failed: status.lastTest.stages.filter(({ result }) => result === 'Failed').map(({ stage }) => stage),
    },
    refusals: status.refusals?.map(({ reply }) => reply),
    source: status.source && { folder: status.source.folder, uidValidity: status.source.uidValidity },
  };
}
