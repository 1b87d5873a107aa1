import type { Certificate, GroupFacts } from '../../workers/process/contract.ts';
import type { MailArchive } from '../api/mail-archive.ts';
import type { MailGateway } from '../api/mail-gateway.ts';
import type { Reason } from '../api/reasons.ts';
import type { Platform } from '../api/schema.ts';

/** What could not be read or used, and what a person is told. */
export interface InputFault {
  reason: Reason;
  message: string;
}

/** The password of an IMAP connection as it was read last, or why it could not be. */
export type SecretReading =
  | {
      kind: 'password';
      password: string;
      /** Mail hosts that it may be sent to, with commas between them; absent where nothing says so. */
      hosts?: string;
    }
  | { kind: 'fault'; fault: InputFault };

/** What the cluster has given a Service. */
export interface ReceiverServiceState {
  /** Where a self-test dials, on port 25; absent until the API server has allotted it. */
  clusterIP?: string;
  /** IP addresses and host names: of the load balancer, or of the nodes (NodePort). */
  addresses: readonly string[];
  /** The port of every node (NodePort). */
  nodePort?: number;
}

/** A PersistentVolumeClaim as it is now; `missing`: there is none of that name. */
export type ClaimState =
  | { missing: true }
  | {
      missing?: never;
      phase: 'Pending' | 'Bound' | 'Lost';
      /** What the claim asks for. */
      accessModes: readonly string[];
      /** Bytes as a quantity. */
      capacity?: string;
    };

/** What a gateway needs beside its manifest. What is absent has not been read yet. */
export interface GatewayMaterial {
  /** The key that addresses are derived from, raw bytes. */
  addressKey?: Uint8Array | InputFault;
  /** The last certificate that could be used goes on serving while `certificateFault` says what is wrong with the new one. */
  certificate?: Certificate;
  certificateFault?: InputFault;
  /** Base64 of the key of the self-test's token. */
  selfTestKey?: string;
  /** Kubernetes: the Service in front of the receivers, as it is now. */
  service?: ReceiverServiceState;
  /** CIDRs of Services, Nodes and pods of the cluster; none in standalone. */
  clusterRanges?: readonly string[];
}

/** What is known of the workers of one group. Times in ms since 1970. */
export interface WorkerReport {
  /** The newest facts, also where they are old. */
  group?: GroupFacts;
  /** Since when it is silent: when it last answered, or came to be ready without; absent where neither is known. */
  answeredAt?: number;
  /** Set while the worker ends again and again: since when, and its last words. */
  crash?: { since: number; message: string };
  /** How many workers of the group are ready; absent where the group is one process. */
  readyWorkers?: number;
}

/** What the workers of a gateway tell. */
export interface WorkerReports {
  receiver?: WorkerReport;
  /** By shard. */
  pollers?: readonly (WorkerReport | undefined)[];
}

/** Facts older than this tell nothing any more. */
export const SILENCE_MS = 180_000;

/** What the groups of a gateway are made of. */
export interface GroupInput {
  platform: Platform;
  /** Standalone: what relative paths are relative to. */
  folder?: string;
  gateway: MailGateway;
  /** The archive that the gateway names, where it exists. */
  archive?: MailArchive;
  material: GatewayMaterial;
}

/** All that a gateway is planned from. */
export interface GatewayInput extends GroupInput {
  /** Kubernetes: false where Mailhold may not run workers in its namespace. */
  managed: boolean;
  /** Kubernetes: the claim of its archive. */
  claim?: ClaimState;
  /** Kubernetes: why the API server does not take an object of the gateway. */
  refused?: InputFault;
  /** Connections that resolve to this gateway. */
  attached: number;
  workers: WorkerReports;
  /** ms since 1970. */
  now: number;
}
