import type { ConnectionFacts } from '../../workers/process/contract.ts';
import type { ArchiveConnection } from '../api/archive-connection.ts';
import type { MailArchive } from '../api/mail-archive.ts';
import type { MailGateway } from '../api/mail-gateway.ts';
import type { ObjectMeta } from '../api/resource.ts';
import type { Platform } from '../api/schema.ts';
import type { AddressCache } from './derivation.ts';
import type { ClaimState, GatewayMaterial, InputFault, SecretReading, WorkerReports } from './inputs.ts';

/** A whole set of manifests with all that is known. Objects carry their status so far; keys are {@link keyOf}. */
export interface PlanInput {
  platform: Platform;
  /** Standalone: the folder of the manifests, absolute; relative paths start there. */
  folder?: string;
  connections: readonly ArchiveConnection[];
  gateways: readonly MailGateway[];
  archives: readonly MailArchive[];
  /** Passwords of IMAP connections, by uid of the connection. */
  secrets: ReadonlyMap<string, SecretReading>;
  /** By key of the gateway. */
  material: ReadonlyMap<string, GatewayMaterial>;
  /** By uid of the connection. Keep the last facts while a worker is silent. */
  facts: ReadonlyMap<string, ConnectionFacts>;
  /** By key of the gateway. */
  workers: ReadonlyMap<string, WorkerReports>;
  /** Kubernetes: namespaces that Mailhold may run workers in; absent: in all. */
  managedNamespaces?: ReadonlySet<string>;
  /** Kubernetes: the claims of archives' volumes, by key of the archive. */
  claims?: ReadonlyMap<string, ClaimState>;
  /** Kubernetes: objects that the API server does not take, by kind and key of what they belong to: `MailGateway/a/b`. */
  refused?: ReadonlyMap<string, InputFault>;
  /** By uid of the connection: the pollers ({@link pollerKey}) that report it now. Of workers that are gone, none. */
  servedBy?: ReadonlyMap<string, readonly string[]>;
  /** By uid of the connection: the test request that was handled last. */
  handledTestRequests?: ReadonlyMap<string, string>;
  /** Kept by the caller from one plan to the next, so that addresses are not derived anew. */
  addressCache?: AddressCache;
  /** ms since 1970. */
  now: number;
}

/** `namespace/name`. */
export function keyOf({ metadata }: { metadata: Pick<ObjectMeta, 'namespace' | 'name'> }): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** One poller among those of all gateways: `namespace/name/shard`. @param gateway key of the gateway */
export function pollerKey(gateway: string, shard: number): string {
  return `${gateway}/${shard}`;
}
