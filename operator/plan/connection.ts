import type { ConnectionFacts, PollerConnection, ReceiverConnection } from '../../workers/process/contract.ts';
import type { ArchiveConnection, ArchiveConnectionStatus } from '../api/archive-connection.ts';
import { type Verdict, verdictOf } from '../api/conditions.ts';
import type { Platform } from '../api/schema.ts';
import type { Addresses } from './addresses.ts';
import { stuckAt } from './backlog.ts';
import { connectionStatus, laterOf } from './connection-status.ts';
import { credentialVerdict } from './credential.ts';
import { pollerEntry, receiverEntry } from './entry.ts';
import { type GatewayPlan, soonest } from './gateway.ts';
import type { InputFault, SecretReading, WorkerReports } from './inputs.ts';
import type { GatewayResolution } from './resolve.ts';
import { failureOf, patienceOf, type Situation } from './situation.ts';
import { specFault } from './spec-fault.ts';
import { silentSince } from './worker-verdict.ts';

export interface ConnectionInput {
  platform: Platform;
  /** With its status so far. */
  connection: ArchiveConnection;
  resolution: GatewayResolution;
  /** The plan of that gateway, where there is one. */
  gatewayPlan?: GatewayPlan;
  /** Its addresses (SMTP), where there is a key. */
  addresses?: Addresses;
  /** The password (IMAP); absent until it was read. */
  secret?: SecretReading;
  /** Another connection has its mailbox or its address, or there is no room for it. */
  denied?: InputFault;
  /** The poller that it belongs to (IMAP). */
  shard: number;
  /** Another poller, of this gateway or of one before, still serves it; two must not, so nobody does for now. */
  moving?: boolean;
  facts?: ConnectionFacts;
  workers?: WorkerReports;
  /** Value of the annotation {@link TEST_REQUEST_ANNOTATION} that was handled last. */
  handledTestRequest?: string;
  /** ms since 1970. */
  now: number;
}

export interface ConnectionPlan {
  /** What its worker is to serve; absent where it must not be served. */
  entry?: ReceiverConnection | PollerConnection;
  status: ArchiveConnectionStatus;
  /** When to plan again although nothing changed, in ms since 1970. */
  retryAt?: number;
}

/** A new value asks for a test; it is echoed in status.lastHandledTestAt. */
export const TEST_REQUEST_ANNOTATION = 'mailhold.dev/test-requested-at';

/** The entry and the lights of one connection. */
export function planConnection(input: ConnectionInput): ConnectionPlan {
  const { connection, facts, workers, now } = input;
  const blocked = blockedVerdict(input);
  const credential = credentialVerdict(input);
  const entry = blocked === undefined ? entryOf(input, credential !== undefined) : undefined;
  const isSMTP = connection.spec.method === 'SMTP';
  const worker = isSMTP ? workers?.receiver : workers?.pollers?.[input.shard];
  const group = isSMTP ? input.gatewayPlan?.receiver : input.gatewayPlan?.pollers[input.shard];
  const note = isSMTP ? input.gatewayPlan?.certificateNote : undefined;
  const address = addressOf(input);
  const lastStoredAt = laterOf(facts?.lastStoredAt, connection.status?.lastStoredTime);
  const situation: Situation = {
    connection,
    now,
    ...(blocked !== undefined && { blocked }),
    ...(credential !== undefined && { credential }),
    ...(entry !== undefined && { entry }),
    ...(address !== undefined && { address }),
    ...(worker !== undefined && { worker }),
    ...(group !== undefined && { groupRevision: group.revision }),
    ...(facts !== undefined && { facts }),
    ...(note !== undefined && { certificateNote: note }),
    ...(lastStoredAt !== undefined && { lastStoredAt }),
  };

  const failure = failureOf(situation);
  const retryAt = soonest(
    [
      silentSince(worker),
      failure === undefined ? undefined : failure.since + patienceOf(connection) + 1,
      facts?.source === undefined ? undefined : (stuckAt(connection, facts.source, lastStoredAt) ?? -1) + 1,
      input.addresses?.nextRetirement,
    ],
    now,
  );
  return {
    ...(entry !== undefined && { entry }),
    status: connectionStatus(situation, input.resolution.gateway, input.addresses, input.handledTestRequest),
    ...(retryAt !== undefined && { retryAt }),
  };
}

function blockedVerdict({ connection, resolution, gatewayPlan, denied, moving }: ConnectionInput): Verdict | undefined {
  const fault = specFault(connection) ?? resolution.fault ?? denied;
  if (fault !== undefined) return verdictOf('False', fault.reason, fault.message);
  return gatewayPlan?.blocked[connection.spec.method] ?? (moving === true ? movingVerdict() : undefined);
}

function movingVerdict(): Verdict {
  return verdictOf(
    'Unknown',
    'Progressing',
    'It moves to another poller, and waits until the one before lets go of it.',
  );
}

function entryOf(input: ConnectionInput, withoutPassword: boolean): ConnectionPlan['entry'] {
  const { connection, addresses, secret } = input;
  if (connection.spec.smtp !== undefined)
    return addresses && receiverEntry(connection, connection.spec.smtp, addresses);
  if (connection.spec.imap === undefined) return undefined;
  const password = secret?.kind === 'password' && !withoutPassword ? secret.password : undefined;
  return pollerEntry(connection, connection.spec.imap, password);
}

function addressOf({ resolution, addresses }: ConnectionInput): string | undefined {
  if (resolution.gateway === undefined || addresses === undefined) return undefined;
  return `${addresses.current}@${resolution.gateway.spec.journalDomain.toLowerCase()}`;
}
