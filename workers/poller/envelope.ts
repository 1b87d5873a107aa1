import type { Envelope } from '../archive/log.ts';
import type { PollerConnection } from '../process/contract.ts';
import type { Epoch } from './cursor.ts';

/**
 * What the archive keeps beside a pulled message.
 *
 * @param internalDate as the server gave it, RFC 3501 date-time
 * @param begunAt and receivedAt: RFC 3339, of the first and the last byte
 */
export function imapEnvelope(
  { uid: connection, namespace, name, generation, port }: PollerConnection,
  { host, user, folder, uidValidity }: Epoch,
  uid: number,
  internalDate: string | undefined,
  begunAt: string,
  receivedAt: string,
): Envelope {
  return {
    targets: [{ namespace, name, uid: connection, generation }],
    retention: 'mail',
    capture: {
      kind: 'imap',
      host,
      port,
      user,
      folder,
      uidValidity,
      uid,
      ...(internalDate !== undefined && { internalDate }),
    },
    begunAt,
    receivedAt,
  };
}
