import type { ArchiveConnection } from '../api/archive-connection.ts';
import type { ObjectMeta } from '../api/resource.ts';
import type { Addresses } from './addresses.ts';
import type { InputFault } from './inputs.ts';

/** One connection's wish for a mailbox. */
export interface MailboxClaim {
  connection: ArchiveConnection;
  /** The server refused its login, or its password cannot be read: it holds the mailbox from nobody. */
  loginRefused: boolean;
}

/** One connection's addresses, all of which are its own. */
export interface AddressClaim {
  connection: ArchiveConnection;
  addresses: Addresses;
}

/** What two connections must not share: host, user and folder. Only a host name and INBOX are alike in any case. */
export function mailboxKey({ spec }: ArchiveConnection): string | undefined {
  const { imap } = spec;
  if (imap === undefined || spec.state === 'Disabled') return undefined;
  const folder = imap.folder.toUpperCase() === 'INBOX' ? 'INBOX' : imap.folder;
  return [imap.host.toLowerCase(), imap.user, folder].join('\0');
}

/**
 * Why a connection may not have its mailbox: an older one has it, and can log in. The name of the other is told only
 * within its own namespace.
 *
 * @param rivals claims with the same {@link mailboxKey}; the connection itself may be among them
 */
export function mailboxConflict(
  connection: ArchiveConnection,
  rivals: readonly MailboxClaim[],
): InputFault | undefined {
  const holder = rivals.find((rival) => !rival.loginRefused && isOlder(rival.connection.metadata, connection.metadata))
    ?.connection.metadata;
  if (holder === undefined) return undefined;
  return conflictWith(holder, connection.metadata, 'this mailbox (host, user and folder)');
}

/**
 * Why a pinned address may not be used: it is another connection's derived, retiring or earlier address, or an older
 * one has the same pin.
 */
export function pinConflict(own: AddressClaim, others: readonly AddressClaim[]): InputFault | undefined {
  const pin = own.connection.spec.smtp?.address;
  if (pin === undefined) return undefined;
  for (const { connection, addresses } of others) {
    if (connection.metadata.uid === own.connection.metadata.uid) continue;
    if (!addresses.records.some((record) => record.localPart === pin)) continue;
    const bothPin = connection.spec.smtp?.address === pin;
    if (bothPin && !isOlder(connection.metadata, own.connection.metadata)) continue;
    return conflictWith(connection.metadata, own.connection.metadata, 'the address in spec.smtp.address');
  }
  return undefined;
}

/** Older by creation; where that is equal, the order of names decides, so that everybody decides alike. */
export function isOlder(a: ObjectMeta, b: ObjectMeta): boolean {
  if (a.uid === b.uid) return false;
  const difference = Date.parse(a.creationTimestamp) - Date.parse(b.creationTimestamp);
  if (difference !== 0) return difference < 0;
  return `${a.namespace}/${a.name}` < `${b.namespace}/${b.name}`;
}

function conflictWith(holder: ObjectMeta, own: ObjectMeta, what: string): InputFault {
  const who =
    holder.namespace === own.namespace
      ? `The older ArchiveConnection ${holder.name}`
      : 'An older ArchiveConnection of another namespace';
  return {
    reason: 'ResourceConflict',
    message: `${who} has ${what}. This one goes on by itself when that one is gone.`,
  };
}
