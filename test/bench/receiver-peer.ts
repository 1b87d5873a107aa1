import { randomBytes } from 'node:crypto';
import { deriveLocalPart } from '../../operator/plan/address.ts';
import { selfSignedCertificate } from '../../operator/runtime/certificates/self-signed.ts';
import type { ReceiverConnection, ReceiverGroup } from '../../workers/process/contract.ts';
import { freePort } from '../peers/free-port.ts';
import { type MailholdWorker, startMailholdWorker } from './mailhold-worker.ts';
import type { SmtpPeer } from './smtp-rounds.ts';

const HOST = 'in.bench.example';
const DAY_MS = 86_400_000;

/** Mailhold's receiver with one connection, and how to send to it. */
export interface ReceiverPeer extends AsyncDisposable {
  worker: MailholdWorker;
  entry: ReceiverConnection;
  peer: SmtpPeer;
}

/** @param options.messageBytes largest message that it takes */
export async function startReceiverPeer(options: {
  messageBytes: number;
  nodeFlags?: readonly string[];
}): Promise<ReceiverPeer> {
  const { certificate, privateKey } = await selfSignedCertificate(HOST, Date.now() - DAY_MS, Date.now() + DAY_MS);
  const port = await freePort();
  const localPart = deriveLocalPart(randomBytes(32), 'bench', 'journal', 1);
  const entry: ReceiverConnection = {
    method: 'SMTP',
    uid: 'journal',
    namespace: 'bench',
    name: 'journal',
    generation: 1,
    revision: 'first',
    state: 'Enabled',
    localParts: [localPart],
    senderRanges: [],
    outsideRanges: 'Defer',
    whenDisabled: 'Defer',
    minimumTLS: 'TLSv1.2',
  };
  const group: Omit<ReceiverGroup, 'archive'> = {
    version: 1,
    revision: 'bench',
    role: 'receiver',
    gateway: { namespace: 'mailhold', name: 'bench' },
    hostName: HOST,
    journalDomain: HOST,
    listen: { address: '127.0.0.1', port },
    certificate: { certificate, privateKey, issuedByUs: true },
    limits: {
      sessions: 1_000,
      sessionsPerPeer: 200,
      sessionsPerConnection: 200,
      bytesInFlight: 128 * 1024 * 1024,
      messageBytes: options.messageBytes,
      recipientsPerTransaction: 100,
    },
    selfTest: { key: randomBytes(32).toString('base64'), dial: { address: '127.0.0.1', port } },
    hiddenPeerRanges: [],
  };
  const worker = await startMailholdWorker({ group, entries: [entry], nodeFlags: options.nodeFlags ?? [] });
  return {
    worker,
    entry,
    peer: {
      name: 'mailhold',
      port,
      certificate,
      serverName: HOST,
      recipient: `${localPart}@${HOST}`,
      pid: worker.pid,
    },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}
