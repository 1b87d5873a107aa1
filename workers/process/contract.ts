/**
 * The contract between the operator and the workers: the configuration that goes down, the facts that come up.
 *
 * Types only. The operator imports this file alone of workers/, by `import type`; workers import nothing of operator/.
 * Times are RFC 3339 strings in UTC, sizes are bytes, durations are milliseconds unless the name says otherwise.
 *
 * Configuration is a folder: `group/config.json` (one of {@link ReceiverGroup}, {@link PollerGroup}) and
 * `connections-00` to `connections-15`, each with `entries.json` ({@link ConnectionBucket}), as sixteen optional
 * Secrets are mounted in Kubernetes. A connection is in the bucket that its uid hashes to. Files are replaced
 * atomically; a worker watches them and serves what it could read, keeping the last good version of what it could not.
 */

/** Version of this contract. An operator serves workers one version older. */
export type ContractVersion = 1;

export interface ObjectName {
  namespace: string;
  name: string;
}

/** When an action may be tried again: at once, after a back-off, or only after a person changed something. */
export type Retry = 'now' | 'later' | 'never';

/** What went wrong, as codes that are also condition reasons (operator/api/reasons.ts has their texts). */
export type FaultCode =
  | 'DNSFailed'
  | 'EgressDenied'
  | 'ConnectionRefused'
  | 'ConnectionFailed'
  | 'TLSFailed'
  | 'TLSVerificationFailed'
  | 'AuthenticationFailed'
  | 'FolderNotFound'
  | 'Throttled'
  | 'ServerRefused'
  | 'ProtocolError'
  | 'ArchiveNotWritable'
  | 'ArchiveFull'
  | 'ListenFailed'
  | 'CertificateInvalid'
  | 'AddressNotServed'
  | 'InvalidConfiguration'
  | 'InternalError';

/** A failure as data: what the user is told, and what may be done. Never holds a secret or a stack trace. */
export interface Fault {
  code: FaultCode;
  retry: Retry;
  /** One sentence for a person, with the peer's own words where there are any. */
  message: string;
  /** The peer's own words, at most 200 printable characters. */
  serverText?: string;
  /** How long the peer asked us to wait. */
  retryAfterMs?: number;
}

// ---------------------------------------------------------------------------------------------- configuration

export interface ArchiveTarget {
  /** Folder of the archive, shared by all workers of the gateway. */
  path: string;
  /** Intake stops (452) when less than this is free. */
  reserveBytes: number;
}

/** PEM texts. `issuedByUs`: self-signed by Mailhold, so that a test trusts exactly this certificate. */
export interface Certificate {
  certificate: string;
  privateKey: string;
  issuedByUs: boolean;
  /** PEM roots to verify a supplied certificate with, instead of the public ones. */
  caBundle?: string;
}

export interface ReceiverLimits {
  /** Sessions of the whole process. */
  sessions: number;
  /** Sessions of one peer before it has named a recipient that we serve. */
  sessionsPerPeer: number;
  /** Sessions at once per connection, counted from its first RCPT. */
  sessionsPerConnection: number;
  /** Bytes of message bodies held in memory by the process. */
  bytesInFlight: number;
  /** Largest message that is accepted (advertised as SIZE). */
  messageBytes: number;
  recipientsPerTransaction: number;
}

/** What every group's configuration begins with. */
export interface GroupBase {
  version: ContractVersion;
  /** Digest of this configuration; facts name it when it is served. */
  revision: string;
  gateway: ObjectName;
  archive: ArchiveTarget;
}

export interface ReceiverGroup extends GroupBase {
  role: 'receiver';
  /** Name in the greeting, in EHLO and in the certificate. */
  hostName: string;
  /** Domain of the journal addresses, in lower case. */
  journalDomain: string;
  listen: { address: string; port: number };
  certificate: Certificate;
  limits: ReceiverLimits;
  selfTest: {
    /** Base64 of the key of the token in a self-test's EHLO; only the receivers of the group hold it. */
    key: string;
    /** Where POST /test dials: the Service's cluster IP, or the listener in standalone. */
    dial: { address: string; port: number };
  };
  /**
   * CIDRs of nodes and pods; standalone: none. A sender that comes from there was sent on by the Service under another
   * address than its own, so that `senderRanges` would judge a node of the cluster.
   */
  hiddenPeerRanges: string[];
}

export interface PollerGroup extends GroupBase {
  role: 'poller';
  /** Which poller of the gateway this is: mailboxes are spread over `count` of them, by the hash of their uid. */
  shard: { index: number; count: number };
  /** Bytes of fetched messages in flight over the whole process. */
  bytesInFlight: number;
  /** CIDRs that may not be dialled; `allow` wins. Checked on the address actually dialled. */
  egress: { deny: string[]; allow: string[] };
}

export type WorkerGroup = ReceiverGroup | PollerGroup;

/** What every connection's entry begins with. */
export interface ConnectionBase extends ObjectName {
  /** Identity of the ArchiveConnection; a re-created one has another. */
  uid: string;
  generation: number;
  /** Digest of this entry, credentials included; facts name it when it is served. */
  revision: string;
  state: 'Enabled' | 'Disabled';
}

export interface ReceiverConnection extends ConnectionBase {
  method: 'SMTP';
  /** Local parts that deliver here, in lower case: the current one first, then retiring ones. */
  localParts: string[];
  /** CIDRs; empty: every peer. */
  senderRanges: string[];
  /** Reply to a peer outside the ranges: Defer 450 4.7.1, Reject 550 5.7.1. */
  outsideRanges: 'Defer' | 'Reject';
  /** Reply while Disabled: Defer 450 4.2.1, Reject 550 5.2.1. */
  whenDisabled: 'Defer' | 'Reject';
  minimumTLS: 'TLSv1.2' | 'TLSv1.3';
}

export interface PollerConnection extends ConnectionBase {
  method: 'IMAP';
  host: string;
  port: number;
  security: 'TLS' | 'STARTTLS';
  minimumTLS: 'TLSv1.2' | 'TLSv1.3';
  /** PEM roots instead of the public ones. */
  caBundle?: string;
  user: string;
  /** Absent where no password may be sent: the operator says why in the status, and nothing is dialled. */
  password?: string;
  folder: string;
  afterArchive: 'Keep' | 'Delete';
  pollIntervalMs: number;
  /** 1: bulk pulls share the control connection; 2: a second one is opened while there is work. */
  maxSessions: 1 | 2;
}

export type ConnectionEntry = ReceiverConnection | PollerConnection;

export interface ConnectionBucket<E extends ConnectionEntry = ConnectionEntry> {
  version: ContractVersion;
  entries: E[];
}

// ------------------------------------------------------------------------------------------------------ facts

/**
 * Stages of a test. SMTP: resolve, connect, greet, tls, recipient. IMAP: resolve, connect, greet and tls (with implicit TLS
 * the other way round), authenticate, select, read.
 */
export type Stage = 'resolve' | 'connect' | 'greet' | 'tls' | 'authenticate' | 'select' | 'read' | 'recipient';

export interface StageResult {
  stage: Stage;
  ok: boolean;
  ms: number;
  /** What was seen: address dialled, TLS version, "the folder is empty", or the peer's words where it failed. */
  text: string;
}

/** One go at a connection on a new session: a test, or a poll (which passes the same stages before it pulls). */
export interface Attempt {
  kind: 'test' | 'poll';
  trigger: 'change' | 'request' | 'retry' | 'schedule';
  /** Revision of the entry it ran with. */
  revision: string;
  startedAt: string;
  endedAt: string;
  stages: StageResult[];
  /** Absent when every stage passed. */
  fault?: Fault;
}

/** Since the worker's start. Totals over all writers ever are a reader's sum over the log's checkpoints. */
export interface Counts {
  /** Messages whose first byte came (SMTP), or that were asked for (IMAP). */
  begun: number;
  stored: number;
  storedBytes: number;
  /** Bodies answered 4xx, 5xx, or cut by the peer (SMTP). Begun = stored + deferred + rejected + cut + in flight. */
  deferred: number;
  rejected: number;
  cut: number;
  /** Messages deleted at the source after they were archived and read back (IMAP). */
  deleted: number;
}

/** Refusals before the body, of one connection and one kind. */
export interface Refusal {
  reply: string;
  count: number;
  lastAt: string;
  lastPeer: string;
}

/** What an IMAP server said of a folder at the last poll that saw it. */
export interface SourceFacts {
  folder: string;
  at: string;
  exists: number;
  uidNext: number;
  uidValidity: string;
  /** Messages listed and not yet archived. */
  waiting: number;
  /** Poll that first listed the oldest waiting message. */
  oldestWaitingSince?: string;
}

export interface ConnectionFacts extends ObjectName {
  uid: string;
  /** Revision of the entry that is served now. */
  revision: string;
  /** Newest finished attempt with the served revision. */
  attempt?: Attempt;
  /** Start of the present unbroken run of failed attempts. */
  failingSince?: string;
  lastStoredAt?: string;
  counts: Counts;
  refusals: Refusal[];
  source?: SourceFacts;
}

export interface GroupFacts {
  gateway: ObjectName;
  role: WorkerGroup['role'];
  software: string;
  startedAt: string;
  /** Revision of the group's configuration that is served; absent until one is. */
  revision?: string;
  /** Ready for traffic: configuration served, listener up, archive writable. */
  ready: boolean;
  /** What keeps the whole group from working, if anything. */
  fault?: Fault;
  /** When `fault` began. */
  faultSince?: string;
  archive: {
    id?: string;
    freeBytes?: number;
    lastCommitAt?: string;
  };
  /** Recipients with our check characters that no entry serves: stale configuration, restored cluster, deleted connection. */
  unknownRecipients: { count: number; lastAt?: string; lastPeer?: string };
  /**
   * Sessions that came from within `hiddenPeerRanges` and named a recipient that is served: the Service hides the
   * senders' addresses. Probes and self-tests are not among them. Absent until there was one.
   */
  hiddenPeers?: { count: number; lastAt: string; lastPeer: string };
  /** Peers whose TLS handshake failed, newest first, at most 16. */
  failedHandshakes: { peer: string; count: number; lastAt: string; text: string }[];
}

/**
 * Answer to `GET /status?epoch=E&since=N[&wait=MS]`. Another epoch, or none, gets everything with the new one.
 * With `wait` the answer is held until something changed that can alter a verdict, at most that long.
 */
export interface StatusAnswer {
  version: ContractVersion;
  /** The process's writer id. */
  epoch: string;
  /** Change counter; the next question's `since`. */
  change: number;
  /** True where `connections` holds all connections of the process. */
  complete: boolean;
  group: GroupFacts;
  /** Connections added or changed since `since`. */
  connections: ConnectionFacts[];
  /** uids that are no longer served; listed for the process's life. */
  removed: string[];
}

/** Body of `POST /test`. The worker waits up to 10 s until it serves `revision` before it begins. */
export interface TestRequest {
  uid: string;
  revision: string;
}

/** `POST /test` answers with one of these per line (application/x-ndjson): each stage as it passes, then the end. */
export type TestEvent =
  | { type: 'stage'; stage: StageResult }
  | { type: 'end'; attempt: Attempt }
  | { type: 'refused'; message: string };
