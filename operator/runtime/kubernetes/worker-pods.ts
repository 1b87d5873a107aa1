import type { ConnectionFacts, ObjectName, WorkerGroup } from '../../../workers/process/contract.ts';
import { keyOfObject } from '../../kube/types.ts';
import { GATEWAY_LABEL, SHARD_LABEL } from '../../plan/children/labels.ts';
import type { WorkerReport, WorkerReports } from '../../plan/inputs.ts';
import { SILENCE_MS } from '../../plan/inputs.ts';
import { keyOf, pollerKey } from '../../plan/plan-input.ts';
import type { Clock } from '../clock.ts';
import { earliest } from '../earliest.ts';
import { keepOnly } from '../keep-only.ts';
import type { WorkerClient } from '../workers/worker-client.ts';
import { type GroupTelling, groupTelling, type TellingPod } from './group-telling.ts';
import { addressOf, isBeingMade, isEnding, isServing, type Pod } from './pod.ts';
import { podCrash } from './pod-crash.ts';

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
    /** By key of the gateway. */
    reports: Map<string, WorkerReports>;
    /** By uid of the connection. */
    facts: Map<string, ConnectionFacts>;
    /** By uid of the connection: which pollers report it ({@link pollerKey}). */
    servedBy: Map<string, string[]>;
  };
  /** True while running pods of the gateway, which may have been at work for long, have not answered yet, as after our own start. */
  isSettling(gateway: ObjectName): boolean;
  /** Since when a pod of the gateway is being made by its kubelet, by the monotonic clock in ms; of several, the longest. */
  beingMadeSince(gateway: ObjectName): number | undefined;
}

export interface WorkerPodsOptions {
  clock: Clock;
  /** Follows the worker of a pod at this address until `signal` aborts. */
  follow: (gateway: ObjectName, address: string, signal: AbortSignal) => WorkerClient;
  signal: AbortSignal;
}

interface Member extends WorkerPod {
  address: string | undefined;
  leave: AbortController;
  /** When it came, or came to another address, by the monotonic clock in ms. */
  seenAt: number;
}

/** The pods of one group; those of a group that has none now are empty. */
interface Group {
  place: Place;
  members: readonly Member[];
}

type Place = Pick<WorkerPod, 'gateway' | 'role' | 'shard'>;

/** A pod that has just come is given this long to answer before its silence means something. */
const SETTLING_MS = 10_000;

/** Follows the workers of all gateways by their pods, and puts together what the pods of one group tell. */
export function createWorkerPods({ clock, follow, signal }: WorkerPodsOptions): WorkerPods {
  /** By uid of the pod. */
  const members = new Map<string, Member>();
  /** By group. What it told last is kept for a while without pods too: the next poller comes after the one before is gone. */
  const told = new Map<string, GroupTelling & { place: Place }>();

  const put = (uid: string, pod: Pod): void => {
    const place = placeOf(pod);
    if (place === undefined) return;
    const address = addressOf(pod);
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
      seenAt: clock.monotonic(),
      address,
      ...(address !== undefined && { client: follow(place.gateway, address, leave.signal) }),
    });
  };

  const groups = (): Map<string, Group> => {
    const now = clock.monotonic();
    const found = new Map<string, Group>();
    for (const [key, { place, answeredAt }] of told) {
      if (now - answeredAt < SILENCE_MS) found.set(key, { place, members: [] });
    }
    for (const [key, of] of Map.groupBy(members.values(), groupKey)) {
      const [first] = of;
      if (first !== undefined) found.set(key, { place: placeIn(first), members: of });
    }
    keepOnly(told, found);
    return found;
  };
  const listen = (key: string, { place, members: pods }: Group): GroupTelling | undefined => {
    const telling = groupTelling(pods.map(tellingPod), told.get(key), clock);
    if (telling !== undefined) told.set(key, { ...telling, place });
    return telling;
  };
  const ofGateway = (gateway: ObjectName): Member[] =>
    [...members.values()].filter((it) => keyOfName(it.gateway) === keyOfName(gateway));

  return {
    bring: (pods) => {
      const present = new Map(pods.map((pod) => [pod.metadata.uid ?? keyOfObject(pod), pod]));
      for (const [uid, pod] of present) put(uid, pod);
      for (const [uid, member] of members) {
        if (present.has(uid)) continue;
        member.leave.abort();
        members.delete(uid);
      }
    },
    of: (gateway, role, shard) =>
      [...members.values()].filter((it) => groupKey(it) === groupKey({ gateway, role, shard })),
    reports: () => {
      const reports = new Map<string, WorkerReports>();
      const tellings: GroupTelling[] = [];
      for (const [key, group] of groups()) {
        const telling = listen(key, group);
        if (telling !== undefined) tellings.push(telling);
        addReport(reports, group.place, reportOf(group.members, telling, clock));
      }
      return { reports, facts: newestFacts(tellings), servedBy: servedBy([...members.values()]) };
    },
    isSettling: (gateway) =>
      ofGateway(gateway).some(
        (it) =>
          it.client !== undefined &&
          it.client.facts === undefined &&
          (!told.has(groupKey(it)) || isServing(it.pod)) &&
          clock.monotonic() - it.seenAt < SETTLING_MS,
      ),
    beingMadeSince: (gateway) => {
      const beingMade = ofGateway(gateway).filter(({ pod }) => isBeingMade(pod) && !isEnding(pod));
      return earliest(beingMade.map(({ seenAt }) => seenAt));
    },
  };
}

function reportOf(members: readonly Member[], telling: GroupTelling | undefined, clock: Clock): WorkerReport {
  const pods = members.map(({ pod }) => pod);
  const crash = podCrash(pods, clock.now());
  // Of workers that are ready and have never answered, the silence counts.
  const came = members.filter(({ pod }) => isServing(pod)).map(({ seenAt }) => seenAt);
  const answeredAt = telling?.answeredAt ?? earliest(came);
  return {
    ...(telling !== undefined && { group: telling.group }),
    ...(answeredAt !== undefined && { answeredAt: clock.now() - (clock.monotonic() - answeredAt) }),
    ...(crash !== undefined && { crash }),
    readyWorkers: pods.filter(isServing).length,
  };
}

/** Of a connection that two groups know, as where it moves, what was told last. */
function newestFacts(tellings: readonly GroupTelling[]): Map<string, ConnectionFacts> {
  const inOrder = tellings.toSorted((a, b) => a.answeredAt - b.answeredAt);
  return new Map(inOrder.flatMap(({ connections }) => [...connections]));
}

/** A poller that is asked to end still reports what it has not let go of. */
function servedBy(members: readonly Member[]): Map<string, string[]> {
  const result = new Map<string, string[]>();
  for (const { gateway, role, shard, client } of members) {
    if (role !== 'poller') continue;
    const poller = pollerKey(keyOfName(gateway), shard);
    for (const uid of client?.facts?.connections.keys() ?? []) {
      const known = result.get(uid) ?? [];
      if (!known.includes(poller)) result.set(uid, [...known, poller]);
    }
  }
  return result;
}

function addReport(reports: Map<string, WorkerReports>, { gateway, role, shard }: Place, report: WorkerReport): void {
  const key = keyOfName(gateway);
  const known = reports.get(key) ?? {};
  if (role === 'receiver') {
    reports.set(key, { ...known, receiver: report });
    return;
  }
  const pollers = [...(known.pollers ?? [])];
  pollers[shard] = report;
  reports.set(key, { ...known, pollers });
}

/** Where a pod belongs, by the labels that the operator gave it; undefined where they are not its. */
function placeOf({ metadata }: Pod): Place | undefined {
  const labels = metadata.labels ?? {};
  const name = labels[GATEWAY_LABEL];
  const role = labels['app.kubernetes.io/component'];
  if (name === undefined || metadata.namespace === undefined) return undefined;
  const gateway = { namespace: metadata.namespace, name };
  if (role === 'receiver') return { gateway, role, shard: 0 };
  // As many shards as spec.poller.shards may ask for, and more: a list with a gap of a billion is none to make.
  const [shard] = /^\d{1,3}$/.exec(labels[SHARD_LABEL] ?? '') ?? [];
  return role === 'poller' && shard !== undefined ? { gateway, role, shard: Number(shard) } : undefined;
}

function placeIn({ gateway, role, shard }: Place): Place {
  return { gateway, role, shard };
}

function tellingPod({ pod, seenAt, client }: Member): TellingPod {
  return { pod, seenAt, facts: client?.facts };
}

function groupKey({ gateway, role, shard }: Place): string {
  return `${keyOfName(gateway)}/${role}/${shard}`;
}

function keyOfName(metadata: ObjectName): string {
  return keyOf({ metadata });
}
