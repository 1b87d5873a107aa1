import { type MailboxClaim, mailboxKey } from './conflict.ts';
import { credentialVerdict } from './credential.ts';
import type { PlanInput } from './plan-input.ts';
import type { GatewayResolution } from './resolve.ts';

/** By mailbox: who is served and wants it. */
export function mailboxClaims(
  { platform, connections, facts, secrets }: PlanInput,
  resolutions: ReadonlyMap<string, GatewayResolution>,
): Map<string, MailboxClaim[]> {
  const claims = new Map<string, MailboxClaim[]>();
  for (const connection of connections) {
    const { uid } = connection.metadata;
    const key = mailboxKey(connection);
    const gateway = resolutions.get(uid)?.gateway;
    if (key === undefined || gateway === undefined) continue;
    const secret = secrets.get(uid);
    const noPassword = credentialVerdict({ platform, connection, resolution: { gateway }, ...(secret && { secret }) });
    const loginRefused = noPassword !== undefined || facts.get(uid)?.attempt?.fault?.code === 'AuthenticationFailed';
    const rivals = claims.get(key);
    if (rivals === undefined) claims.set(key, [{ connection, loginRefused }]);
    else rivals.push({ connection, loginRefused });
  }
  return claims;
}
