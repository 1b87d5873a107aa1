import type { ConnectionFacts, GroupFacts, ObjectName, WorkerGroup } from '../../../workers/process/contract.ts';
import type { KubeObject } from '../../kube/types.ts';
import { keyOfObject } from '../../kube/types.ts';
import type { WorkerReport, WorkerReports } from '../../plan/inputs.ts';
import { SILENCE_MS } from '../../plan/inputs.ts';
import { mergeConnectionFacts, mergeGroupFacts } from '../../plan/merge-facts.ts';
import type { Clock } from '../clock.ts';
import type { WorkerClient } from '../workers/worker-client.ts';
import { podCrash } from './pod-crash.ts';

/** A pod, as far as the operator reads it (core/v1 Pod). */
export interface Pod extends KubeObject {
  status?: {
    phase?: string;
    podIP?: string;
    conditions?: { type: string; status: string }[];
    containerStatuses?: ContainerStatus[];
  };
}

export interface ContainerStatus {
  restartCount: number;
  state?: { waiting?: { reason?: string; message?: string }; terminated?: Terminated };
  lastState?: { terminated?: Terminated };
}

export interface Terminated {
  exitCode: number;
  reason?: string;
  message?: string;
  finishedAt?: string;
}

/** One pod of a gateway and the client that follows it; no client while it has no address. */
export interface WorkerPod {
  pod: Pod;
  gateway: ObjectName;
  role: WorkerGroup['role'];
  /** 0 for receivers. */
  shard: number;
  client?: WorkerClient;
}

export interface WorkerPods {
  /** Follows pods that came, forgets those that went. */
  bring(pods: readonly Pod[]): void;
  of(gateway: ObjectName, role: WorkerGroup['role'], shard: number): WorkerPod[];
  /** All that planning needs to know of the workers. */
  reports(): {
    reports: Map<string, WorkerReports>;
    facts: Map<string, ConnectionFacts>;
    servedBy: Map<string, number[]>;
  };
  /** True while a group of the gateway has pods and nothing was told by any of them yet, as after our own start. */
  isSettling(gateway: ObjectName): boolean;
}

export interface WorkerPodsOptions {
  clock: Clock;
  /** Follows the worker of a pod at this address until `signal` aborts. */
  follow: (gateway: ObjectName, address: string, signal: AbortSignal) => WorkerClient;
  signal: AbortSignal;
}

interface Member extends WorkerPod {
  address?: string;
  leave: AbortController;
  seenAt: number;
}

/** What a group told last while it could be believed. */
interface Told {
  group: GroupFacts;
  connections: ReadonlyMap<string, ConnectionFacts>;
  answeredAt: number;
}

/** A pod that has just come is given this long to answer before its silence means something. */
const SETTLING_MS = 10_000;

/** Follows the workers of all gateways by their pods, and puts together what the pods of one group tell. */
export function createWorkerPods({ clock, follow, signal }: WorkerPodsOptions): WorkerPods {
  const members = new Map<string, Member>();
  const told = new Map<string, Told>();

  const put = (pod: Pod): void => {
    const place = placeOf(pod);
    if (place === undefined) return;
    const uid = pod.metadata.uid ?? keyOfObject(pod);
    const address = pod.status?.phase === 'Running' ? pod.status.podIP : undefined;
    const known = members.get(uid);
    if (known !== undefined && known.address === address) {
      known.pod = pod;
      return;
    }
    known?.leave.abort();
    const leave = new AbortController();
    signal.addEventListener('abort', () => leave.abort(), { once: true, signal: leave.signal });
    members.set(uid, {
      ...place,
      pod,
      leave,
      seenAt: known?.seenAt ?? clock.monotonic(),
      ...(address !== undefined && { address, client: follow(place.gateway, address, leave.signal) }),
    });
  };

  return {
    bring: (pods) => {
      for (const pod of pods) put(pod);
      const present = new Set(pods.map((pod) => pod.metadata.uid ?? keyOfObject(pod)));
      for (const [uid, member] of members) {
        if (present.has(uid)) continue;
        member.leave.abort();
        members.delete(uid);
      }
    },
    of: (gateway, role, shard) => [...members.values()].filter((it) => groupOf(it) === groupKey(gateway, role, shard)),
    reports: () => {
      const reports = new Map<string, WorkerReports>();
      const facts = new Map<string, ConnectionFacts>();
      const servedBy = new Map<string, number[]>();
      const groups = Map.groupBy<string, WorkerPod>(members.values(), groupOf);
      for (const key of told.keys()) if (!groups.has(key)) told.delete(key);
      for (const [key, pods] of groups) {
        const [first] = pods;
        if (first === undefined) continue;
        const now = toldNow(pods, told.get(key), clock);
        if (now !== undefined) told.set(key, now);
        const crash = podCrash(pods.map(({ pod }) => pod));
        const report: WorkerReport = {
          ...(now !== undefined && {
            group: now.group,
            answeredAt: clock.now() - (clock.monotonic() - now.answeredAt),
          }),
          ...(crash !== undefined && { crash }),
          readyWorkers: pods.filter(({ pod }) => isServing(pod)).length,
        };
        addReport(reports, first, report);
        for (const [uid, connection] of now?.connections ?? []) facts.set(uid, connection);
        if (first.role === 'poller') {
          for (const { client, shard } of pods) {
            for (const uid of client?.facts?.connections.keys() ?? []) {
              const shards = servedBy.get(uid) ?? [];
              if (!shards.includes(shard)) servedBy.set(uid, [...shards, shard]);
            }
          }
        }
      }
      return { reports, facts, servedBy };
    },
    isSettling: (gateway) =>
      [...members.values()].some(
        (it) =>
          it.gateway.namespace === gateway.namespace &&
          it.gateway.name === gateway.name &&
          !told.has(groupOf(it)) &&
          clock.monotonic() - it.seenAt < SETTLING_MS,
      ),
  };
}

/**
 * What a group tells: its ready pods together; where none is ready, those that say what keeps them from it; else what
 * was told before, so that a rollout, whose new pod has nothing to tell yet, moves no light.
 */
function toldNow(pods: readonly WorkerPod[], before: Told | undefined, clock: Clock): Told | undefined {
  const lively = pods.filter(({ pod, client }) => pod.metadata.deletionTimestamp === undefined && client?.facts);
  const ready = lively.filter(({ pod }) => isServing(pod));
  const faulty = lively.filter(({ client }) => client?.facts?.group.fault !== undefined);
  const concerned = ready.length > 0 ? ready : faulty.length > 0 ? faulty : before === undefined ? lively : [];
  const answers = concerned.flatMap(({ client }) => client?.facts ?? []);
  if (answers.length === 0) return before;
  const group = mergeGroupFacts(answers.map((answer) => answer.group));
  if (group === undefined) return before;
  const uids = new Set(answers.flatMap((answer) => [...answer.connections.keys()]));
  const connections = new Map<string, ConnectionFacts>();
  for (const uid of uids) {
    const merged = mergeConnectionFacts(answers.map((answer) => answer.connections.get(uid)));
    if (merged !== undefined) connections.set(uid, carriedOver(merged, before, clock));
  }
  return { group, connections, answeredAt: Math.min(...answers.map((answer) => answer.answeredAt)) };
}

/** A worker that was just started has tested nothing yet: what its predecessor saw with the same entry stands meanwhile. */
function carriedOver(facts: ConnectionFacts, before: Told | undefined, clock: Clock): ConnectionFacts {
  const known = before?.connections.get(facts.uid);
  if (facts.attempt !== undefined || known?.attempt === undefined || known.revision !== facts.revision) return facts;
  if (clock.now() - Date.parse(known.attempt.endedAt) > SILENCE_MS + CARRIED_MS) return facts;
  const { attempt, failingSince, source } = known;
  return {
    ...facts,
    attempt,
    ...(failingSince !== undefined && { failingSince }),
    ...(facts.source === undefined && source !== undefined && { source }),
  };
}

/** A scheduled test may lie this far back when the worker that made it ends. */
const CARRIED_MS = 15 * 60_000;

function addReport(
  reports: Map<string, WorkerReports>,
  { gateway, role, shard }: WorkerPod,
  report: WorkerReport,
): void {
  const key = `${gateway.namespace}/${gateway.name}`;
  const known = reports.get(key) ?? {};
  if (role === 'receiver') reports.set(key, { ...known, receiver: report });
  else {
    const pollers = [...(known.pollers ?? [])];
    pollers[shard] = report;
    reports.set(key, { ...known, pollers });
  }
}

/** Where a pod belongs, by the labels that the operator gave it. */
function placeOf({ metadata }: Pod): { gateway: ObjectName; role: WorkerGroup['role']; shard: number } | undefined {
  const labels = metadata.labels ?? {};
  const name = labels['mailhold.dev/gateway'];
  const role = labels['app.kubernetes.io/component'];
  if (name === undefined || metadata.namespace === undefined || (role !== 'receiver' && role !== 'poller'))
    return undefined;
  return { gateway: { namespace: metadata.namespace, name }, role, shard: Number(labels['mailhold.dev/shard'] ?? 0) };
}

function isServing(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp === undefined && isReady(pod);
}

export function isReady(pod: Pick<Pod, 'status'>): boolean {
  return pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
}

function groupOf({ gateway, role, shard }: WorkerPod): string {
  return groupKey(gateway, role, shard);
}

function groupKey({ namespace, name }: ObjectName, role: string, shard: number): string {
  return `${namespace}/${name}/${role}/${shard}`;
}
