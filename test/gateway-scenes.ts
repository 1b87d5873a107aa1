import assert from 'node:assert/strict';
import type { MailArchive } from '../operator/api/mail-archive.ts';
import type { MailGateway } from '../operator/api/mail-gateway.ts';
import { API_VERSION } from '../operator/api/resource.ts';
import { validateResource } from '../operator/api/validate-resource.ts';
import type { ChildObject } from '../operator/plan/children/child-object.ts';
import { archiveClaim } from '../operator/plan/children/claim.ts';
import { type GatewayChildren, gatewayChildren } from '../operator/plan/children/gateway-children.ts';
import type { PollerConnection, PollerGroup, ReceiverConnection, ReceiverGroup } from '../workers/process/contract.ts';

/** Nothing outside of Secrets may hold one of these. */
export const SCENE_SECRETS = {
  password: 'correct horse battery staple',
  privateKey: 'private key of the certificate',
  selfTestKey: 'c2VsZi10ZXN0IGtleQ==',
};

/** A gateway with its archive on Kubernetes, and what is served there. */
export interface GatewayScene {
  /** As its golden file is called. */
  name: string;
  gateway: MailGateway;
  archive: MailArchive;
  /** Whether the archive's volume can be mounted on several nodes, as its claim says. */
  shareable: boolean;
  receiverEntries: readonly ReceiverConnection[];
  pollerEntries: readonly (readonly PollerConnection[])[];
}

export const GATEWAY_SCENES: readonly GatewayScene[] = [
  gatewayScene('plain', {}),
  gatewayScene('load-balancer', {
    receiver: {
      limits: { bytesInFlight: '320Mi' },
      service: {
        annotations: { 'service.example.com/address': '203.0.113.25' },
        loadBalancerClass: 'example.com/internal',
        externalTrafficPolicy: 'Cluster',
        ipFamilyPolicy: 'PreferDualStack',
        nodePort: 30025,
        loadBalancerSourceRanges: ['198.51.100.0/24', '203.0.113.0/24'],
      },
      pod: {
        resources: { requests: { cpu: '500m', memory: '1Gi' }, limits: { memory: '2Gi', 'ephemeral-storage': '1Gi' } },
        nodeSelector: { 'example.com/pool': 'edge' },
        tolerations: [
          { key: 'example.com/dedicated', operator: 'Equal', value: 'mail', effect: 'NoSchedule' },
          { key: 'example.com/leaving', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 },
        ],
        priorityClassName: 'mail',
      },
    },
    poller: { bytesInFlight: '320Mi', pod: { nodeSelector: { 'example.com/pool': 'edge' } } },
  }),
  gatewayScene('node-port', { receiver: { service: { type: 'NodePort', nodePort: 30026 } } }),
  gatewayScene('cluster-ip', { receiver: { service: { type: 'ClusterIP', ipFamilyPolicy: 'PreferDualStack' } } }),
  gatewayScene('shared', {
    receiver: { replicas: 3 },
    poller: { shards: 2 },
    volume: { size: '1Ti', storageClassName: 'shared', accessMode: 'ReadWriteMany' },
    shareable: true,
  }),
  gatewayScene('own-claim', { volume: { claimName: 'mail-of-2019' } }),
];

type Fields = Readonly<Record<string, unknown>>;

interface Differs {
  /** Of the gateway's spec. */
  receiver?: Fields;
  poller?: Fields;
  /** Of the archive's spec. */
  volume?: Fields;
  shareable?: boolean;
}

/** A gateway of that name in the namespace mail, with an archive of the same name. */
export function gatewayScene(
  name: string,
  { receiver = {}, poller = {}, volume = { size: '100Gi' }, shareable = false }: Differs,
): GatewayScene {
  const base = { apiVersion: API_VERSION, metadata: { name, namespace: 'mail' } };
  const names = { hostName: 'in.archive.example.com', journalDomain: 'in.archive.example.com' };
  const gateway = validateResource(
    { ...base, kind: 'MailGateway', spec: { ...names, archiveRef: { name }, receiver, poller } },
    'kubernetes',
  );
  const archive = validateResource({ ...base, kind: 'MailArchive', spec: { volume } }, 'kubernetes');
  assert.deepEqual([...gateway.problems, ...archive.problems], []);
  assert.ok(gateway.resource?.kind === 'MailGateway' && archive.resource?.kind === 'MailArchive');
  const shards = gateway.resource.spec.poller.shards ?? 1;
  return {
    name,
    gateway: gateway.resource,
    archive: archive.resource,
    shareable,
    receiverEntries: [journal('office365', 3), journal('exchange', 11)],
    pollerEntries: Array.from({ length: shards }, (_, shard) => [mailbox(`mailbox-${shard}`, 20 + shard)]),
  };
}

/** All objects of a scene's gateway, in their parts. */
export function childrenOf(it: GatewayScene): GatewayChildren {
  const { gateway, archive, shareable, receiverEntries, pollerEntries } = it;
  return gatewayChildren({
    gateway,
    archive,
    image: 'mailhold:0.1.0',
    imagePullPolicy: 'IfNotPresent',
    shareable,
    replicas: gateway.spec.receiver.replicas ?? 1,
    plan: {
      receiver: receiverGroup(gateway),
      receiverEntries,
      pollers: pollerEntries.map((_, index) => pollerGroup(gateway, { index, count: pollerEntries.length })),
      pollerEntries,
    },
  });
}

/** All objects of a scene with the claim of its archive, in the order of application. */
export function objectsOf(it: GatewayScene): ChildObject[] {
  const { serviceAccount, service, workers, disruptionBudget } = childrenOf(it);
  const claim = archiveClaim(it.archive);
  const groups = workers === undefined ? [] : [workers.receiver, ...workers.pollers];
  return [
    ...(claim === undefined ? [] : [claim]),
    serviceAccount,
    service,
    ...groups.flatMap(({ configuration, deployment }) => [...(configuration?.write ?? []), deployment]),
    ...(disruptionBudget === undefined ? [] : [disruptionBudget]),
  ];
}

function groupBase({ metadata: { namespace, name } }: MailGateway) {
  return {
    version: 1,
    revision: 'r1',
    gateway: { namespace, name },
    archive: { path: '/archive', reserveBytes: 2 ** 30 },
  } as const;
}

export function receiverGroup(gateway: MailGateway): ReceiverGroup {
  const { hostName, journalDomain, receiver } = gateway.spec;
  return {
    ...groupBase(gateway),
    role: 'receiver',
    hostName,
    journalDomain,
    listen: { address: '::', port: 2525 },
    certificate: { certificate: 'certificate', privateKey: SCENE_SECRETS.privateKey, issuedByUs: true },
    limits: { ...receiver.limits, bytesInFlight: 2 ** 25 },
    selfTest: { key: SCENE_SECRETS.selfTestKey, dial: { address: '10.96.0.25', port: 25 } },
    hiddenPeerRanges: ['10.244.0.0/16'],
  };
}

export function pollerGroup(gateway: MailGateway, shard: PollerGroup['shard']): PollerGroup {
  return {
    ...groupBase(gateway),
    role: 'poller',
    shard,
    bytesInFlight: 2 ** 25,
    egress: { deny: ['10.244.0.0/16'], allow: [] },
  };
}

function connectionBase(name: string, number: number) {
  const uid = `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
  return { namespace: 'contoso', name, uid, generation: 1, revision: 'r1', state: 'Enabled' } as const;
}

function journal(name: string, number: number): ReceiverConnection {
  return {
    ...connectionBase(name, number),
    method: 'SMTP',
    localParts: [`${number}`.padStart(32, '0')],
    senderRanges: ['198.51.100.0/24'],
    outsideRanges: 'Defer',
    whenDisabled: 'Defer',
    minimumTLS: 'TLSv1.2',
  };
}

export function mailbox(name: string, number: number): PollerConnection {
  return {
    ...connectionBase(name, number),
    method: 'IMAP',
    host: 'imap.contoso.com',
    port: 993,
    security: 'TLS',
    minimumTLS: 'TLSv1.2',
    user: 'undeliverable',
    password: SCENE_SECRETS.password,
    folder: 'INBOX',
    afterArchive: 'Keep',
    pollIntervalMs: 60_000,
    maxSessions: 2,
  };
}
