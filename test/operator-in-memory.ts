import { type ObjectsInMemory, objectsInMemory } from '../operator/kube/testing/objects-in-memory.ts';
import type { KubeObject } from '../operator/kube/types.ts';
import { createArchiveVolumes } from '../operator/runtime/kubernetes/archive-volumes.ts';
import { createConnectionSecrets } from '../operator/runtime/kubernetes/connection-secrets.ts';
import { createDelivery } from '../operator/runtime/kubernetes/delivery.ts';
import { createGatewayMaterials } from '../operator/runtime/kubernetes/gateway-material.ts';
import { createGatewayWorkloads } from '../operator/runtime/kubernetes/gateway-workloads.ts';
import { createPlannedWrites } from '../operator/runtime/kubernetes/planned-writes.ts';
import type { Pod } from '../operator/runtime/kubernetes/pod.ts';
import { createRefusals } from '../operator/runtime/kubernetes/refusals.ts';
import { types } from '../operator/runtime/kubernetes/resource-types.ts';
import { createRound, type WorkKey } from '../operator/runtime/kubernetes/round.ts';
import { createStatusWriter } from '../operator/runtime/kubernetes/status-writer.ts';
import { createTestRequests } from '../operator/runtime/kubernetes/test-requests.ts';
import {
  type PodWishes,
  pod,
  sceneClock,
  sceneLog,
  speakingWorker,
  workerFacts,
} from '../operator/runtime/kubernetes/testing/worker-scene.ts';
import type { Watched } from '../operator/runtime/kubernetes/watched.ts';
import { createWorkerKeys } from '../operator/runtime/kubernetes/worker-keys.ts';
import { createWorkerPods } from '../operator/runtime/kubernetes/worker-pods.ts';
import type { ConnectionEntry, Fault } from '../workers/process/contract.ts';
import { CLUSTER_IP, kubernetesScene } from './kubernetes-scene.ts';
import { attempt } from './plan-scene.ts';
import { secretObject } from './secrets-in-memory.ts';

const GATEWAY = { namespace: 'contoso', name: 'default' };

/** The objects of a scene, in a cluster that has done nothing yet. */
export function clusterInMemory(...manifests: string[]): ObjectsInMemory {
  const memory = objectsInMemory();
  const { connections, gateways, archives } = kubernetesScene({}, ...manifests);
  for (const resource of [...connections, ...gateways, ...archives]) {
    const { namespace, name } = resource.metadata;
    memory.objects.set(`${types[resource.kind].plural}/${namespace}/${name}`, structuredClone(resource));
  }
  memory.objects.set('secrets/contoso/mail', secretObject('contoso/mail', { password: 'secret' }, 'imap.contoso.com'));
  return memory;
}

/** One process of the operator over a cluster in memory, whose watches show everything at once. */
export function operatorInMemory(memory: ObjectsInMemory, clock = sceneClock(), namespaces = ['contoso']) {
  const log = sceneLog();
  const { client } = memory;
  const events: string[] = [];
  const wanted = new Set<WorkKey>();
  /** Keys that asked to be written again after a time. */
  let postponed: WorkKey[] = [];
  const followed = new Map<string, ReturnType<typeof speakingWorker>>();
  const all = <T extends KubeObject>(plural: string): T[] =>
    [...memory.objects]
      .filter(([key]) => key.startsWith(`${plural}/`))
      .map(([, object]) => structuredClone(object) as T);
  const watched: Watched = {
    synced: Promise.resolve(),
    connections: () => all('archiveconnections'),
    gateways: () => all('mailgateways'),
    archives: () => all('mailarchives'),
    nodes: () => [],
    serviceCIDRs: () => [],
    definitions: () => [],
    pods: () => all<Pod>('pods'),
    claims: () => all('persistentvolumeclaims'),
    live: memory.live,
    children: (type) => all(type.plural),
    contacts: () => [],
    [Symbol.asyncDispose]: async () => undefined,
  };
  const signal = new AbortController().signal;
  const pods = createWorkerPods({
    clock,
    signal,
    follow: (_, address) => {
      const worker = speakingWorker();
      followed.set(address, worker);
      return worker;
    },
  });
  const managed = new Set(namespaces);
  const refusals = createRefusals(() => undefined);
  const secrets = createConnectionSecrets(client, clock, () => 0);
  const delivery = createDelivery({ client, clock, random: () => 0, log });
  const workloads = createGatewayWorkloads({
    ...{ client, watched, pods, delivery, clock, log },
    ...{ image: 'mailhold:1', imagePullPolicy: 'Never' },
  });
  const volumes = createArchiveVolumes(client, watched, managed);
  const statuses = createStatusWriter(client, log);
  const round = createRound({
    ...{ namespaces: managed, watched, pods, secrets, statuses, workloads, volumes, refusals, clock, log },
    materials: createGatewayMaterials(client),
    workerKeys: createWorkerKeys(client, 'operator', log),
    requests: createTestRequests({
      ...{ plan: () => round.plan, mark: secrets.mark, clock, log, signal },
      nextRound: async () => undefined,
      worker: () => undefined,
      onHandled: () => undefined,
    }),
    events: { record: ({ regarding, reason }) => void events.push(`${regarding.metadata.name} ${reason}`) },
    metrics: { planned: () => undefined, showConditions: () => undefined },
    enqueue: (key) => wanted.add(key),
  });
  const writes = createPlannedWrites({
    ...{ plan: () => round.plan, namespaces: managed, workloads, volumes, statuses, refusals },
  });

  const write = async (key: WorkKey): Promise<void> => {
    try {
      const written = await writes.write(key);
      if (written?.again !== undefined) postponed.push(key);
    } catch (error) {
      writes.failed(key, error, 1);
    }
  };
  /** Rounds and writes until nothing more is to be done now; returns when the last round wants to run again. */
  const settle = async (): Promise<number | undefined> => {
    for (const key of postponed) wanted.add(key);
    postponed = [];
    for (let turn = 0; turn < 10; turn += 1) {
      const again = await round.run();
      const keys = [...wanted];
      wanted.clear();
      if (keys.length === 0) return again;
      for (const key of keys) await write(key);
    }
    throw new Error('it never comes to rest');
  };
  /** Its workers serve what is planned, and every test passed or met this fault. */
  const serve = (fault?: (entry: ConnectionEntry) => Fault | undefined): void => {
    const planned = round.plan?.gateways.get('contoso/default');
    const groups = [
      { group: planned?.receiver, entries: planned?.receiverEntries ?? [], address: 'r' },
      { group: planned?.pollers[0], entries: planned?.pollerEntries[0] ?? [], address: 'p' },
    ];
    for (const { group, entries, address } of groups) {
      const worker = followed.get(address);
      if (worker === undefined || group === undefined) continue;
      const told = entries.map((entry) => ({
        ...{ namespace: entry.namespace, name: entry.name, uid: entry.uid, revision: entry.revision, refusals: [] },
        counts: { begun: 0, stored: 0, storedBytes: 0, deferred: 0, rejected: 0, cut: 0, deleted: 0 },
        attempt: attempt(entry, fault?.(entry), clock.now() - 1_000),
        ...(fault?.(entry) && { failingSince: new Date(clock.now() - 1_000).toISOString() }),
      }));
      const facts = { gateway: GATEWAY, role: group.role, revision: group.revision };
      worker.facts = workerFacts(facts, told, clock.monotonic());
    }
  };
  /** Writes since the last look. */
  const takeWrites = (): string[] => memory.takeCalls().filter((call) => !call.startsWith('get '));
  return { round, settle, serve, takeWrites, events, log, clock, followed };
}

/** What the cluster does of its own: an address for the Service, a volume for the claim, pods for the Deployments. */
export function comeAlive(memory: ObjectsInMemory): void {
  const addresses = { status: { loadBalancer: { ingress: [{ ip: '203.0.113.25' }] } } };
  memory.edit('services/contoso/default-receiver', (service) =>
    Object.assign(service, { spec: { ...(service.spec as object), clusterIP: CLUSTER_IP }, ...addresses }),
  );
  memory.edit('persistentvolumeclaims/contoso/mail-mail', (claim) =>
    Object.assign(claim, { status: { phase: 'Bound' } }),
  );
  setPod(memory, 'r', { role: 'receiver', ready: true, address: 'r' });
  setPod(memory, 'p', { role: 'poller', ready: true, address: 'p' });
}

export function setPod(memory: ObjectsInMemory, name: string, wishes: PodWishes): void {
  memory.objects.set(`pods/contoso/${name}`, pod(name, { gateway: GATEWAY, ...wishes }));
}
