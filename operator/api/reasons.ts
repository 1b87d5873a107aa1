import type { FaultCode } from '../../workers/process/contract.ts';

/** ok: nothing to do. wait: Mailhold is at work. warning: works, but look at it. error: a person has to act. */
export type Severity = 'ok' | 'wait' | 'warning' | 'error';

export interface ReasonEntry {
  severity: Severity;
  /** What it means, one sentence. */
  text: string;
  /** What to do, one or two sentences; empty where there is nothing to do. */
  action: string;
}

/** Reasons that are not also codes of a worker's fault. */
export type VerdictReason =
  | 'Succeeded'
  | 'Disabled'
  | 'Progressing'
  | 'ProgressingWithRetry'
  | 'AwaitingFirstMessage'
  | 'NotInUse'
  | 'ObjectRefused'
  | 'InvalidSpec'
  | 'SecretNotFound'
  | 'SecretKeyMissing'
  | 'SecretNotForHost'
  | 'SecretForbidden'
  | 'NoGateway'
  | 'AmbiguousGateway'
  | 'NamespaceNotAllowed'
  | 'NoArchive'
  | 'ClaimNotBound'
  | 'VolumeNotShareable'
  | 'PeerAddressHidden'
  | 'CRDOutdated'
  | 'ResourceConflict'
  | 'AddressKeyChanged'
  | 'WorkerUnreachable'
  | 'WorkerCrashLooping'
  | 'QuotaExceeded'
  | 'BacklogGrowing'
  | 'CertificateNotPublic';

export type Reason = VerdictReason | FaultCode;

/** The one catalogue: conditions, docs/reasons.md and alerts come from it. Sorted by name; a reason never changes its meaning. */
export const reasons: Readonly<Record<Reason, ReasonEntry>> = {
  AddressKeyChanged: {
    severity: 'error',
    text: 'The key that journal addresses are derived from is not the one that this gateway used before.',
    action:
      'Bring back the old key. To move to a new one on purpose, make a new MailGateway: every address changes with the key.',
  },
  AddressNotServed: {
    severity: 'error',
    text: 'The receiver does not take mail for the address of this connection.',
    action: 'Look at the log of the receiver; the configuration that it serves does not hold this connection.',
  },
  AmbiguousGateway: {
    severity: 'error',
    text: 'More than one default gateway admits this namespace.',
    action: 'Name one in spec.gatewayRef.',
  },
  ArchiveFull: {
    severity: 'error',
    text: 'The archive has less free space than its reserve; mail is deferred, and nothing is lost as long as senders wait.',
    action: 'Make the volume larger or free space. Intake goes on by itself.',
  },
  ArchiveNotWritable: {
    severity: 'error',
    text: 'The archive cannot be written; mail is deferred, and nothing is lost as long as senders wait.',
    action: 'Look at the volume: permissions, mounts, errors of the disk. Intake goes on by itself.',
  },
  AuthenticationFailed: {
    severity: 'error',
    text: 'The mail server refused the login.',
    action: 'Correct the user or the password. A changed password is tried at once.',
  },
  AwaitingFirstMessage: {
    severity: 'ok',
    text: 'Everything is in place, and no message has come yet.',
    action: 'Make the journal rule at the source with the address that the message begins with.',
  },
  BacklogGrowing: {
    severity: 'error',
    text: 'Messages wait in the mailbox, and none of them reaches the archive although every test passes.',
    action: 'Look at the log of the poller for this connection.',
  },
  CertificateInvalid: {
    severity: 'error',
    text: 'The certificate of the gateway cannot be used: not readable, expired, for another name, or not matching its key.',
    action: 'Give a certificate for spec.hostName of the MailGateway and its key.',
  },
  CertificateNotPublic: {
    severity: 'warning',
    text: 'Mailhold issued the certificate of the gateway itself; senders that verify certificates will not deliver.',
    action: 'Give the gateway a certificate of a public authority in spec.tls.',
  },
  ClaimNotBound: {
    severity: 'error',
    text: 'The PersistentVolumeClaim of the archive does not exist, has lost its volume, or got none.',
    action: 'The message says which; look at the claim and at its events.',
  },
  ConnectionFailed: {
    severity: 'error',
    text: 'The mail server could not be reached, or the connection broke.',
    action: 'Check host, port and firewalls. It is tried again by itself.',
  },
  ConnectionRefused: {
    severity: 'error',
    text: 'Nothing listens at this host and port.',
    action: 'Check host and port. It is tried again by itself.',
  },
  CRDOutdated: {
    severity: 'error',
    text: 'The CustomResourceDefinitions in the cluster are not those of this version of Mailhold.',
    action: 'Apply those of crds/ of this version: Helm installs them, and never changes them afterwards.',
  },
  Disabled: {
    severity: 'ok',
    text: 'Disabled, as asked.',
    action: 'Set spec.state to Enabled to take mail again.',
  },
  DNSFailed: {
    severity: 'error',
    text: 'The name of the mail server could not be resolved.',
    action: 'Check spec.imap.host. It is tried again by itself.',
  },
  EgressDenied: {
    severity: 'error',
    text: 'The address of the mail server lies in a range that the gateway does not allow to be dialled.',
    action:
      'Check spec.imap.host; where the address is right, the owner of the MailGateway adds it to spec.egress.allow.',
  },
  FolderNotFound: {
    severity: 'error',
    text: 'The login works, but the folder does not exist or may not be opened.',
    action: 'Correct spec.imap.folder, or let this user read the folder.',
  },
  InternalError: {
    severity: 'error',
    text: 'Mailhold met an error of its own.',
    action: 'Look at the log of the worker and report what it says. It is tried again by itself.',
  },
  InvalidConfiguration: {
    severity: 'error',
    text: 'The worker cannot use the configuration that it was given.',
    action: 'The message says what is wrong; correct it in the manifest.',
  },
  InvalidSpec: {
    severity: 'error',
    text: 'The spec cannot work as it is written.',
    action: 'The message says what to write instead.',
  },
  ListenFailed: {
    severity: 'error',
    text: 'The receiver cannot listen on its address and port.',
    action: 'End what holds the port, or give another in spec.receiver.listen of the MailGateway.',
  },
  NamespaceNotAllowed: {
    severity: 'error',
    text: 'The namespace is not allowed: the gateway does not admit connections of it, or Mailhold may not run gateways in it.',
    action:
      'Of a connection: ask the owner of the MailGateway to add the namespace to spec.allowedNamespaces, or name another gateway. Of a gateway: add the namespace to the Helm value gatewayNamespaces.',
  },
  NoArchive: {
    severity: 'error',
    text: 'The archive that the gateway names does not exist in its namespace.',
    action: 'Make the MailArchive, or correct spec.archiveRef of the MailGateway.',
  },
  NoGateway: {
    severity: 'error',
    text: 'There is no gateway for this connection.',
    action: 'Name a MailGateway in spec.gatewayRef, or let one with role Default admit the namespace.',
  },
  NotInUse: {
    severity: 'ok',
    text: 'No gateway keeps mail here.',
    action: 'Name the archive in spec.archiveRef of a MailGateway of its namespace.',
  },
  ObjectRefused: {
    severity: 'error',
    text: 'The cluster does not take an object that is needed, such as a Deployment, a Service or a claim.',
    action:
      'The message has the words of the API server: a quota, a policy, missing rights, or a field that cannot change.',
  },
  PeerAddressHidden: {
    severity: 'warning',
    text: 'Senders reach the receivers from an address of the cluster, so senderRanges cannot tell who sends, and records do not say.',
    action:
      'Write externalTrafficPolicy: Local in spec.receiver.service of the MailGateway, or have what leads mail there keep the address of the sender.',
  },
  Progressing: {
    severity: 'wait',
    text: 'A change is being taken up and tested.',
    action: '',
  },
  ProgressingWithRetry: {
    severity: 'wait',
    text: 'The last test failed in a way that may pass by itself; it is repeated.',
    action: '',
  },
  ProtocolError: {
    severity: 'error',
    text: 'The server answered what the protocol does not allow.',
    action: 'Check that host and port belong to the service that method and security name.',
  },
  QuotaExceeded: {
    severity: 'error',
    text: 'The namespace has more connections than the gateway admits, or the configuration has no room for this one.',
    action: 'Delete connections, or ask the owner of the MailGateway to raise spec.connectionsPerNamespace.',
  },
  ResourceConflict: {
    severity: 'error',
    text: 'An older connection already has this mailbox or this address.',
    action: 'Delete one of the two; the other goes on by itself.',
  },
  SecretForbidden: {
    severity: 'error',
    text: 'Mailhold may not read the Secret.',
    action: 'Let the ServiceAccount of the operator get Secrets in this namespace, as the Helm chart does.',
  },
  SecretKeyMissing: {
    severity: 'error',
    text: 'The Secret exists, but not the key that is named, or it is empty.',
    action: 'Correct the key, or put the password there. A change is seen by itself.',
  },
  SecretNotFound: {
    severity: 'error',
    text: 'The Secret, file or variable with the password does not exist.',
    action: 'Make it, or correct the reference. A change is seen by itself.',
  },
  SecretNotForHost: {
    severity: 'error',
    text: 'The password does not say that it may be sent to this mail host, so it is sent nowhere.',
    action: 'Whoever owns the password adds the host to it, as the message shows.',
  },
  ServerRefused: {
    severity: 'error',
    text: 'The mail server refused a command.',
    action: 'The message holds its words.',
  },
  Succeeded: {
    severity: 'ok',
    text: 'Everything works.',
    action: '',
  },
  Throttled: {
    severity: 'warning',
    text: 'The mail server asked to wait.',
    action: 'Raise spec.imap.pollInterval where it lasts. It is tried again by itself.',
  },
  TLSFailed: {
    severity: 'error',
    text: 'TLS could not be agreed on with the server.',
    action: 'Check security and port, and the versions of TLS that the server has.',
  },
  TLSVerificationFailed: {
    severity: 'error',
    text: 'The certificate of the server is not trusted, has expired, or is for another name.',
    action:
      'Correct the host, or give the authority in spec.imap.caBundle. Of a gateway: renew its certificate, or give its authority in spec.tls.caBundle.',
  },
  VolumeNotShareable: {
    severity: 'warning',
    text: 'The volume of the archive can be mounted on one node only, so there is one receiver although more are asked for.',
    action:
      'Use a MailArchive whose volume is ReadWriteMany, or write replicas: 1 in spec.receiver of the MailGateway.',
  },
  WorkerCrashLooping: {
    severity: 'error',
    text: 'The worker ends again and again.',
    action: 'Look at its log; the message holds its last words.',
  },
  WorkerUnreachable: {
    severity: 'wait',
    text: 'The worker has not answered for three minutes, so nothing is known.',
    action: 'Look whether it runs and where.',
  },
};

/** Whether the word is in the catalogue. */
export function isReason(word: string): word is Reason {
  return Object.hasOwn(reasons, word);
}
