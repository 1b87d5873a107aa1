import type {
  ConnectionEntry,
  ConnectionFacts,
  GroupFacts,
  TestEvent,
  TestRequest,
  WorkerGroup,
} from '../../../../workers/process/contract.ts';
import type { WorkerClient } from '../../workers/worker-client.ts';
import type { Pod } from '../pod.ts';

/** 14:30 UTC: when scenes are looked at. */
export const SCENE_NOW = Date.parse('2026-11-25T14:30:00Z');
export const GATEWAY = { namespace: 'mail', name: 'edge' };

/** Time that passes only where a test says so. */
export function sceneClock() {
  let passed = 0;
  return {
    now: () => SCENE_NOW + passed,
    monotonic: () => 1_000_000 + passed,
    pass: (ms: number) => {
      passed += ms;
    },
  };
}

/** A log that is looked at. */
export function sceneLog() {
  const lines: string[] = [];
  const note = (event: string): void => void lines.push(event);
  return { lines, info: note, warn: note, error: note };
}

export interface PodWishes {
  role?: 'receiver' | 'poller';
  shard?: number;
  gateway?: { namespace: string; name: string };
  ready?: boolean;
  ending?: boolean;
  /** Absent: it does not run. */
  address?: string;
  status?: Pod['status'];
}

/** A pod of a worker as the API server shows it. */
export function pod(name: string, wishes: PodWishes = {}): Pod {
  const { role = 'receiver', shard, gateway = GATEWAY, ready = false, ending = false, address } = wishes;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: gateway.namespace,
      name,
      uid: name,
      labels: {
        'mailhold.dev/gateway': gateway.name,
        'app.kubernetes.io/component': role,
        ...(role === 'poller' && { 'mailhold.dev/shard': String(shard ?? 0) }),
      },
      ...(ending && { deletionTimestamp: '2026-11-25T14:29:59Z' }),
    },
    status: {
      phase: address === undefined ? 'Pending' : 'Running',
      ...(address !== undefined && { podIP: address }),
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      ...wishes.status,
    },
  };
}

/** The client of a worker, to whom a test gives the words: real workers answer in test/cluster. */
export interface SpeakingWorker extends WorkerClient {
  facts: WorkerClient['facts'];
  lastError: WorkerClient['lastError'];
  /** What a test of it yields. */
  events: TestEvent[];
  asked: TestRequest[];
}

export function speakingWorker(): SpeakingWorker {
  const worker: SpeakingWorker = {
    facts: undefined,
    lastError: undefined,
    events: [],
    asked: [],
    poke: () => undefined,
    test: async function* (request) {
      worker.asked.push(request);
      yield* worker.events;
    },
    metrics: async () => '',
  };
  return worker;
}

/** Facts of one worker, as its client holds them. */
export function workerFacts(
  group: Partial<GroupFacts>,
  connections: readonly ConnectionFacts[],
  answeredAt: number,
): NonNullable<WorkerClient['facts']> {
  return {
    epoch: 'e',
    change: 1,
    group: {
      gateway: GATEWAY,
      role: 'receiver',
      software: 'mailhold/0.1.0',
      startedAt: new Date(SCENE_NOW).toISOString(),
      revision: 'g1',
      ready: true,
      archive: {},
      unknownRecipients: { count: 0 },
      failedHandshakes: [],
      ...group,
    },
    connections: new Map(connections.map((it) => [it.uid, it])),
    answeredAt,
  };
}

export function facts(uid: string, differs: Partial<ConnectionFacts> = {}): ConnectionFacts {
  return {
    namespace: 'contoso',
    name: uid,
    uid,
    revision: 'r1',
    counts: { begun: 0, stored: 0, storedBytes: 0, deferred: 0, rejected: 0, cut: 0, deleted: 0 },
    refusals: [],
    ...differs,
  };
}

/** An attempt that passed, or failed, at a time in ms since 1970. */
export function attempt(endedAt: number, failed = false): NonNullable<ConnectionFacts['attempt']> {
  return {
    kind: 'test',
    trigger: 'schedule',
    revision: 'r1',
    startedAt: new Date(endedAt - 100).toISOString(),
    endedAt: new Date(endedAt).toISOString(),
    stages: [],
    ...(failed && { fault: { code: 'ConnectionRefused', retry: 'later', message: 'Nothing listens there.' } }),
  };
}

/** A group of receivers with as much of its configuration as delivery reads. */
export function wantedGroup(revision: string): WorkerGroup {
  return { role: 'receiver', revision, gateway: GATEWAY } as WorkerGroup;
}

/** An entry with as much as delivery reads. */
export function wantedEntry(uid: string, revision = 'r1'): ConnectionEntry {
  return { uid, revision } as ConnectionEntry;
}
