import assert from 'node:assert/strict';
import type { ArchiveConnection } from '../operator/api/archive-connection.ts';
import { findCondition, type Light } from '../operator/api/conditions.ts';
import { parseManifests } from '../operator/api/manifest.ts';
import type { GatewayMaterial, SecretReading, WorkerReports } from '../operator/plan/inputs.ts';
import { keyOf, type Plan, type PlanInput, plan } from '../operator/plan/plan.ts';
import type {
  Attempt,
  ConnectionEntry,
  ConnectionFacts,
  Fault,
  GroupFacts,
  WorkerGroup,
} from '../workers/process/contract.ts';
import { checkKstatus } from './kstatus.ts';

/** 14:30 UTC: when scenes are looked at. */
export const NOW = Date.parse('2026-11-25T14:30:00Z');
export const MINUTE = 60_000;
export const PASSWORD = 'correct horse battery staple';

const EDGE = `
apiVersion: mailhold.dev/v1alpha1
kind: MailGateway
metadata: {name: default, namespace: contoso}
spec: {hostName: in.archive.example.com, journalDomain: in.archive.example.com, archiveRef: {name: mail}, role: Default}
---
apiVersion: mailhold.dev/v1alpha1
kind: MailArchive
metadata: {name: mail, namespace: contoso}
spec: {volume: {path: mail}}
---`;

export const SMTP = `
apiVersion: mailhold.dev/v1alpha1
kind: ArchiveConnection
metadata: {name: journal, namespace: contoso}
spec: {method: SMTP, smtp: {source: Office365}}
`;

export const IMAP = `
apiVersion: mailhold.dev/v1alpha1
kind: ArchiveConnection
metadata: {name: undelivered, namespace: contoso}
spec:
  method: IMAP
  imap: {host: imap.contoso.com, user: undeliverable, passwordRef: {file: pw, host: imap.contoso.com}}
`;

/** What a set of manifests would be planned from, before any worker has answered; a gateway and its archive are added. */
export function sceneOf(...manifests: string[]): PlanInput {
  const { objects, problems } = parseManifests('scene.yaml', [EDGE, manifests.join('\n---\n')].join('\n'));
  assert.deepEqual(problems, []);
  const resources = objects.map(({ resource }) => resource);
  const connections = resources.filter((it) => it.kind === 'ArchiveConnection');
  const gateways = resources.filter((it) => it.kind === 'MailGateway');
  const material: GatewayMaterial = {
    addressKey: Buffer.alloc(32, 7),
    certificate: { certificate: 'certificate', privateKey: 'key', issuedByUs: false },
    selfTestKey: 'c2VsZg==',
  };
  const secret = ({ spec }: ArchiveConnection): SecretReading => {
    const hosts = spec.imap?.passwordRef.host;
    return { kind: 'password', password: PASSWORD, ...(hosts !== undefined && { hosts }) };
  };
  return {
    platform: 'standalone',
    folder: '/srv/mailhold',
    connections,
    gateways,
    archives: resources.filter((it) => it.kind === 'MailArchive'),
    secrets: new Map(connections.filter(({ spec }) => spec.imap).map((it) => [it.metadata.uid, secret(it)])),
    material: new Map(gateways.map((gateway) => [keyOf(gateway), material])),
    facts: new Map(),
    workers: new Map(),
    now: NOW,
  };
}

/** What may be otherwise than well in {@link served}. */
export interface Course {
  /** Facts of a connection that differ. */
  facts?: (entry: ConnectionEntry) => Partial<ConnectionFacts>;
  /** Facts of a group that differ. */
  group?: (group: WorkerGroup) => Partial<GroupFacts>;
  answeredAt?: number;
}

/** The scene once the workers serve what is planned and every test has passed, with the statuses from then. */
export function served(input: PlanInput, course: Course = {}): PlanInput {
  const planned = plan(input);
  const answeredAt = course.answeredAt ?? input.now;
  const workers = new Map<string, WorkerReports>();
  const facts = new Map<string, ConnectionFacts>();
  for (const [key, { receiver, pollers, receiverEntries, pollerEntries }] of planned.gateways) {
    workers.set(key, {
      ...(receiver && { receiver: { answeredAt, group: groupFacts(receiver, course.group?.(receiver)) } }),
      pollers: pollers.map((poller) => ({ answeredAt, group: groupFacts(poller, course.group?.(poller)) })),
    });
    for (const entry of [...receiverEntries, ...pollerEntries.flat()]) {
      facts.set(entry.uid, { ...connectionFacts(entry), ...course.facts?.(entry) });
    }
  }
  return { ...withStatuses(input, planned), workers, facts };
}

/** The scene a little later, with the statuses that were written. */
export function later(input: PlanInput, milliseconds: number): PlanInput {
  return { ...withStatuses(input, plan(input)), now: input.now + milliseconds };
}

export function withStatuses(input: PlanInput, planned: Plan): PlanInput {
  return {
    ...input,
    connections: input.connections.map((it) => withStatus(it, planned.connections.get(it.metadata.uid)?.status)),
    gateways: input.gateways.map((it) => withStatus(it, planned.gateways.get(keyOf(it))?.status)),
    archives: input.archives.map((it) => withStatus(it, planned.archives.get(keyOf(it))?.status)),
  };
}

function withStatus<T extends { status?: S }, S>(object: T, status: S | undefined): T {
  return status === undefined ? object : { ...object, status };
}

/** An attempt that passed, or failed with `fault` in its last stage. */
export function attempt(entry: ConnectionEntry, fault?: Fault, at = NOW - 10_000): Attempt {
  const names =
    entry.method === 'SMTP'
      ? (['resolve', 'connect', 'greet', 'tls', 'recipient'] as const)
      : (['resolve', 'connect', 'greet', 'tls', 'authenticate', 'select', 'read'] as const);
  const reached = fault === undefined ? names : names.slice(0, names.length - 2);
  return {
    kind: 'test',
    trigger: 'change',
    revision: entry.revision,
    startedAt: new Date(at - 100).toISOString(),
    endedAt: new Date(at).toISOString(),
    stages: reached.map((stage, index) => ({
      stage,
      ok: fault === undefined || index < reached.length - 1,
      ms: 3.2,
      text: 'seen',
    })),
    ...(fault !== undefined && { fault }),
  };
}

export function refusedLogin(): Fault {
  return {
    code: 'AuthenticationFailed',
    retry: 'never',
    message: 'imap.contoso.com refused the login: "NO [AUTHENTICATIONFAILED] Invalid credentials"',
    serverText: 'NO [AUTHENTICATIONFAILED] Invalid credentials',
  };
}

export function unreachable(): Fault {
  return { code: 'ConnectionRefused', retry: 'later', message: 'Nothing listens at imap.contoso.com:993.' };
}

/** `True Succeeded`, and the message; the whole status is checked on the way. */
export function light(planned: Plan, name: string, type: Light): { light: string; message: string } {
  const found = [...planned.connections.values()].find(({ connection }) => connection.metadata.name === name);
  assert.ok(found, `${name} was planned`);
  checkKstatus({ ...found.connection, status: found.status }, [PASSWORD]);
  const condition = findCondition(found.status.conditions, type);
  assert.ok(condition, `${name} has ${type}`);
  return { light: `${condition.status} ${condition.reason}`, message: condition.message };
}

function groupFacts(group: WorkerGroup, differs: Partial<GroupFacts> = {}): GroupFacts {
  return {
    gateway: group.gateway,
    role: group.role,
    software: 'mailhold/0.1.0',
    startedAt: new Date(NOW - 60 * MINUTE).toISOString(),
    revision: group.revision,
    ready: true,
    archive: { id: 'archive', freeBytes: 5e11 },
    unknownRecipients: { count: 0 },
    failedHandshakes: [],
    ...differs,
  };
}

function connectionFacts(entry: ConnectionEntry): ConnectionFacts {
  return {
    namespace: entry.namespace,
    name: entry.name,
    uid: entry.uid,
    revision: entry.revision,
    attempt: attempt(entry),
    counts: { begun: 0, stored: 0, storedBytes: 0, deferred: 0, rejected: 0, cut: 0, deleted: 0 },
    refusals: [],
    ...(entry.method === 'IMAP' && {
      source: {
        folder: entry.folder,
        at: new Date(NOW - 10_000).toISOString(),
        exists: 0,
        uidNext: 1,
        uidValidity: '7',
        waiting: 0,
      },
    }),
  };
}
