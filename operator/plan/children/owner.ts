import type { MailGateway } from '../../api/mail-gateway.ts';
import type { ChildOwner } from './child-object.ts';

/**
 * The reference from a child to its gateway: with it, the cluster deletes the child after the gateway. `controller` lets
 * tools walk from one to the other; `blockOwnerDeletion` keeps a gateway that is deleted in the foreground in sight until
 * its workers have ended.
 */
export function ownedBy({ apiVersion, kind, metadata }: MailGateway): ChildOwner[] {
  const { name, uid } = metadata;
  return [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }];
}
