import type { PollerConnection, ReceiverConnection } from '../../workers/process/contract.ts';
import type { ArchiveConnection, IMAPSpec, SMTPSpec } from '../api/archive-connection.ts';
import { parseDuration } from '../api/duration.ts';
import type { Addresses } from './addresses.ts';
import { withRevision } from './revision.ts';

const DEFAULT_PORTS = { TLS: 993, STARTTLS: 143 } as const;

export function receiverEntry(connection: ArchiveConnection, smtp: SMTPSpec, addresses: Addresses): ReceiverConnection {
  return withRevision({
    ...entryBase(connection),
    method: 'SMTP' as const,
    localParts: addresses.served,
    senderRanges: smtp.senderRanges ?? [],
    outsideRanges: smtp.outsideRanges,
    whenDisabled: smtp.whenDisabled,
    minimumTLS: smtp.minimumTLS,
  });
}

/** @param password absent where there is none that may be used: the poller keeps the entry and dials nobody */
export function pollerEntry(
  connection: ArchiveConnection,
  imap: IMAPSpec,
  password: string | undefined,
): PollerConnection {
  return withRevision({
    ...entryBase(connection),
    method: 'IMAP' as const,
    host: imap.host,
    port: portOf(imap),
    security: imap.security,
    minimumTLS: imap.minimumTLS,
    ...(imap.caBundle !== undefined && { caBundle: imap.caBundle }),
    user: imap.user,
    ...(password !== undefined && { password }),
    folder: imap.folder,
    afterArchive: imap.afterArchive,
    pollIntervalMs: parseDuration(imap.pollInterval) ?? 60_000,
    maxSessions: imap.maxSessions === 1 ? (1 as const) : (2 as const),
  });
}

export function portOf(imap: IMAPSpec): number {
  return imap.port ?? DEFAULT_PORTS[imap.security];
}

function entryBase({ metadata, spec }: ArchiveConnection) {
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    generation: metadata.generation,
    state: spec.state,
  };
}
