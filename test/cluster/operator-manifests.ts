const API = 'mailhold.dev/v1alpha1';
/** Fits no node: also where the cluster has one, workers of an image that does not exist are not started. */
const NOWHERE = { nodeSelector: { 'mailhold.dev/node': 'none' } };

export interface Names {
  namespace: string;
  name: string;
}

/** A manifest as a user would write it. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: Names;
  spec: object;
}

interface GatewayFields {
  receiver?: object;
  poller?: object;
  [field: string]: unknown;
}

/** @param fields of its spec, besides those that it needs; receiver and poller are added to */
export function gateway(metadata: Names, { receiver, poller, ...fields }: GatewayFields = {}): Manifest {
  return runningGateway(metadata, {
    ...fields,
    receiver: { pod: NOWHERE, ...receiver },
    poller: { pod: NOWHERE, ...poller },
  });
}

/** One whose workers a node takes. @param fields as of {@link gateway} */
export function runningGateway(metadata: Names, { receiver, ...fields }: GatewayFields = {}): Manifest {
  const spec = {
    hostName: 'in.archive.example.com',
    journalDomain: 'in.archive.example.com',
    archiveRef: { name: 'mail' },
    ...fields,
    receiver: { service: { type: 'ClusterIP' }, ...receiver },
  };
  return { apiVersion: API, kind: 'MailGateway', metadata, spec };
}

export function archive(metadata: Names, volume: object = { size: '10Gi' }): Manifest {
  return { apiVersion: API, kind: 'MailArchive', metadata, spec: { volume } };
}

/** A connection that mail is sent to. @param through the gateway that it names */
export function journal(metadata: Names, through?: Names, fields: object = {}): Manifest {
  const spec = { ...(through && { gatewayRef: through }), method: 'SMTP', smtp: { source: 'Office365' }, ...fields };
  return { apiVersion: API, kind: 'ArchiveConnection', metadata, spec };
}

/** A connection that pulls a mailbox of imap.example.com. @param through the gateway that it names */
export function mailbox(metadata: Names, through: Names, secret = metadata.name, user = metadata.name): Manifest {
  const imap = { host: 'imap.example.com', user, passwordRef: { name: secret } };
  const spec = { gatewayRef: through, method: 'IMAP', imap };
  return { apiVersion: API, kind: 'ArchiveConnection', metadata, spec };
}
