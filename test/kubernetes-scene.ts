import assert from 'node:assert/strict';
import { findCondition, type Light } from '../operator/api/conditions.ts';
import { parseManifests } from '../operator/api/manifest.ts';
import type { ClaimState, GatewayMaterial, ReceiverServiceState } from '../operator/plan/inputs.ts';
import { keyOf, type Plan, type PlanInput, type PlannedGateway } from '../operator/plan/plan.ts';
import { checkKstatus } from './kstatus.ts';
import { NOW, PASSWORD } from './plan-scene.ts';

export const CLUSTER_IP = '10.96.0.25';
/** Nodes, pods and Services. */
export const CLUSTER_RANGES: readonly string[] = ['10.96.0.0/16', '10.244.0.0/16', '192.0.2.10/32'];

export const KUBERNETES_IMAP = `
apiVersion: mailhold.dev/v1alpha1
kind: ArchiveConnection
metadata: {name: undelivered, namespace: contoso}
spec: {method: IMAP, imap: {host: imap.contoso.com, user: undeliverable, passwordRef: {name: mail}}}
`;

export interface KubernetesEdge {
  /** Fields of spec.receiver and spec.poller, in YAML's flow style without the braces. */
  receiver?: string;
  poller?: string;
  /** Fields of spec.volume; a claim of 10Gi where left out. */
  volume?: string;
  /** The host name where it is not that of the journal domain. */
  hostName?: string;
  service?: ReceiverServiceState;
  claim?: ClaimState;
}

/** What a set of manifests would be planned from in a cluster, before any worker has answered; the edge is added. */
export function kubernetesScene(edge: KubernetesEdge, ...manifests: string[]): PlanInput {
  const gateway = `
apiVersion: mailhold.dev/v1alpha1
kind: MailGateway
metadata: {name: default, namespace: contoso}
spec:
  {hostName: ${edge.hostName ?? 'in.archive.example.com'}, journalDomain: in.archive.example.com, role: Default,
  archiveRef: {name: mail}, receiver: {${edge.receiver ?? ''}}, poller: {${edge.poller ?? ''}}}
---
apiVersion: mailhold.dev/v1alpha1
kind: MailArchive
metadata: {name: mail, namespace: contoso}
spec: {volume: {${edge.volume ?? 'size: 10Gi'}}}
---`;
  const { objects, problems } = parseManifests(
    'scene.yaml',
    [gateway, manifests.join('\n---\n')].join('\n'),
    'kubernetes',
  );
  assert.deepEqual(problems, []);
  const resources = objects.map(({ resource }) => resource);
  const connections = resources.filter((it) => it.kind === 'ArchiveConnection');
  const gateways = resources.filter((it) => it.kind === 'MailGateway');
  const archives = resources.filter((it) => it.kind === 'MailArchive');
  const material: GatewayMaterial = {
    addressKey: Buffer.alloc(32, 7),
    certificate: { certificate: 'certificate', privateKey: 'key', issuedByUs: false },
    selfTestKey: 'c2VsZg==',
    service: edge.service ?? { clusterIP: CLUSTER_IP, addresses: ['203.0.113.25'] },
    clusterRanges: CLUSTER_RANGES,
  };
  const claim = edge.claim ?? { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: '10Gi' };
  return {
    platform: 'kubernetes',
    connections,
    gateways,
    archives,
    secrets: new Map(
      connections
        .filter(({ spec }) => spec.imap)
        .map((it) => [it.metadata.uid, { kind: 'password', password: PASSWORD, hosts: it.spec.imap?.host ?? '' }]),
    ),
    material: new Map(gateways.map((it) => [keyOf(it), material])),
    claims: new Map(archives.map((it) => [keyOf(it), claim])),
    managedNamespaces: new Set(['contoso']),
    facts: new Map(),
    workers: new Map(),
    now: NOW,
  };
}

/** `True Succeeded` of the one gateway, or undefined where it has no such condition; the status is checked on the way. */
export function gatewayLight(planned: Plan, type: Light = 'Ready'): { light: string | undefined; message: string } {
  const [found] = planned.gateways.values();
  assert.ok(found);
  checkKstatus({ ...found.gateway, status: found.status }, [PASSWORD]);
  const condition = findCondition(found.status.conditions, type);
  return { light: condition && `${condition.status} ${condition.reason}`, message: condition?.message ?? '' };
}

/** The same of the one archive. */
export function archiveLight(planned: Plan): { light: string; message: string } {
  const [found] = planned.archives.values();
  assert.ok(found);
  checkKstatus({ ...found.archive, status: found.status });
  const condition = findCondition(found.status.conditions, 'Ready');
  return { light: `${condition?.status} ${condition?.reason}`, message: condition?.message ?? '' };
}

/** The one gateway of the scene. */
export function gatewayOf(planned: Plan): PlannedGateway | undefined {
  return planned.gateways.values().next().value;
}
