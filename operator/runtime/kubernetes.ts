import type { KubeConfig } from '@kubernetes/client-node';
import { createEventRecorder } from '../kube/events.ts';
import { createKubeClient } from '../kube/kube-client.ts';
import { createQueue } from '../kube/queue.ts';
import type { Log } from '../kube/types.ts';
import type { Clock } from './clock.ts';
import { createArchiveVolumes } from './kubernetes/archive-volumes.ts';
import { createConnectionSecrets } from './kubernetes/connection-secrets.ts';
import { createDelivery } from './kubernetes/delivery.ts';
import { createGatewayMaterials } from './kubernetes/gateway-material.ts';
import { createGatewayWorkloads } from './kubernetes/gateway-workloads.ts';
import { definitionFaults } from './kubernetes/installed-definitions.ts';
import { createOperatorMetrics } from './kubernetes/operator-metrics.ts';
import { createPlannedWrites } from './kubernetes/planned-writes.ts';
import { createRefusals } from './kubernetes/refusals.ts';
import { createRound, type WorkKey } from './kubernetes/round.ts';
import { MANAGER } from './kubernetes/secret-object.ts';
import { createStatusWriter } from './kubernetes/status-writer.ts';
import { createTestRequests } from './kubernetes/test-requests.ts';
import { testWorker } from './kubernetes/test-worker.ts';
import { watchAll } from './kubernetes/watched.ts';
import { createWorkerKeys } from './kubernetes/worker-keys.ts';
import { createWorkerPods } from './kubernetes/worker-pods.ts';
import { createRounds } from './rounds.ts';
import { followWorker, type WorkerClient } from './workers/worker-client.ts';

/** The port of /status in a worker's pod (plan/children/pod-template.ts). */
const STATUS_PORT = 8443;
/** Objects that are written at once. */
const WRITES_AT_ONCE = 8;

export interface KubernetesOptions {
  kubeConfig: KubeConfig;
  version: string;
  /** Where the operator itself lives: its own Secrets and Events about itself. */
  namespace: string;
  /** Where gateways may live: the only namespaces with workers. */
  gatewayNamespaces: readonly string[];
  image: string;
  imagePullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  /** Name of this process among others, such as the pod's name. */
  identity: string;
  clock: Clock;
  random: () => number;
  log: Log;
}

/** A running operator. Its disposal stops what it does; workers go on without it. */
export interface KubernetesOperator extends AsyncDisposable {
  /** Undefined where all is well, else why it is not ready, in words for a person. */
  notReady(): string | undefined;
  metrics(): Promise<string>;
}

/**
 * Runs Mailhold on Kubernetes: watches manifests and what became of them, plans, and carries the plan out.
 *
 * @returns at once; {@link KubernetesOperator.notReady} tells how far it is
 * @throws ApiError where there are no credentials
 */
export async function runKubernetes(options: KubernetesOptions): Promise<KubernetesOperator> {
  const { clock, random, log, namespace } = options;
  const namespaces = new Set(options.gatewayNamespaces);
  // Undone in reverse order, at the end or where something below throws.
  await using started = new AsyncDisposableStack();
  const closing = new AbortController();
  const { signal } = closing;
  let wake = (): void => undefined;
  const onChange = (): void => wake();

  const metrics = createOperatorMetrics(clock);
  const client = started.use(
    createKubeClient({
      kubeConfig: options.kubeConfig,
      userAgent: `mailhold/${options.version}`,
      clock,
      log,
      onCall: metrics.called,
    }),
  );
  const events = started.use(
    createEventRecorder({
      client,
      manager: MANAGER,
      reporter: { controller: 'mailhold.dev/operator', instance: options.identity },
      clock,
      random,
      log,
    }),
  );
  const workerKeys = createWorkerKeys(client, namespace, log);
  const follow = (gateway: { namespace: string; name: string }, address: string, stop: AbortSignal): WorkerClient =>
    followWorker({
      endpoint: { host: address, port: STATUS_PORT, tls: () => workerKeys.clientTls(gateway) },
      clock,
      onFacts: onChange,
      signal: stop,
    });
  const pods = createWorkerPods({ clock, follow, signal });
  started.defer(() => closing.abort());
  const watched = started.use(
    watchAll({ client, namespaces: options.gatewayNamespaces, clock, random, log, onChange }),
  );
  const statuses = createStatusWriter(client, log);
  const volumes = createArchiveVolumes(client, watched, namespaces);
  const workloads = createGatewayWorkloads({
    client,
    watched,
    pods,
    delivery: createDelivery({ client, clock, random, log }),
    image: options.image,
    imagePullPolicy: options.imagePullPolicy,
    clock,
    log,
  });

  const refusals = createRefusals(onChange);
  const writes = createPlannedWrites({ plan: () => round.plan, namespaces, workloads, volumes, statuses, refusals });
  const queue = started.use(
    createQueue<WorkKey>({
      process: writes.write,
      concurrency: WRITES_AT_ONCE,
      clock,
      random,
      log,
      observe: metrics.observeQueue,
      onFailure: ({ key, error, failures }) => writes.failed(key, error, failures),
    }),
  );
  metrics.follow({ contacts: watched.contacts, figures: queue.figures });
  const secrets = createConnectionSecrets(client, clock, random);
  const requests = createTestRequests({
    plan: () => round.plan,
    mark: secrets.mark,
    nextRound: () => rounds.next(),
    worker: (uid) => testWorker(round.plan, pods, uid),
    onHandled: onChange,
    clock,
    log,
    signal,
  });
  const round = createRound({
    namespaces,
    watched,
    pods,
    materials: createGatewayMaterials(client),
    workerKeys,
    secrets,
    requests,
    statuses,
    events,
    metrics,
    workloads,
    volumes,
    refusals,
    enqueue: (key) => queue.add(key),
    clock,
    log,
  });

  let faults: readonly string[] = ['The API server has not answered yet.'];
  const rounds = started.use(
    createRounds(
      async () => {
        const before = faults;
        faults = definitionFaults(watched.definitions());
        for (const text of faults) if (!before.includes(text)) log.error('definition-outdated', { text });
        // With older definitions the API server would drop fields, or refuse them: nothing is done until they fit.
        return faults.length > 0 ? undefined : await round.run();
      },
      clock.now,
      (error) => log.error('plan-not-carried-out', { error: String(error) }),
    ),
  );
  log.info('operator-started', { version: options.version, namespace, gatewayNamespaces: options.gatewayNamespaces });
  void watched.synced.then(() => {
    wake = rounds.request;
    wake();
  });

  const running = started.move();
  return {
    notReady: () => {
      if (faults.length > 0) return faults.join('\n');
      if (rounds.failure !== undefined) return `The last plan was not carried out: ${String(rounds.failure)}`;
      return undefined;
    },
    metrics: metrics.text,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
