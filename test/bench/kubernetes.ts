/**
 * How long a person waits in a cluster: `node test/bench/kubernetes.ts`, as root, in about three minutes.
 *
 * A cluster with a node is started, Mailhold is installed by its chart, and then measured from outside: from the moment
 * that the API server took a manifest to the moment that it shows the light.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { KubeClient } from '../../operator/kube/client.ts';
import { createKubeClient } from '../../operator/kube/kube-client.ts';
import { loadKubeConfig } from '../../operator/kube/load-kube-config.ts';
import type { KubeObject, ResourceType } from '../../operator/kube/types.ts';
import { systemClock } from '../../operator/runtime/clock.ts';
import { type ClusterWithNode, requirements, startCluster } from '../cluster/cluster.ts';
import { installedMailhold, isGreen, light, type Shown } from '../cluster/installed-mailhold.ts';
import { archive, journal, type Manifest, runningGateway } from '../cluster/operator-manifests.ts';
import { quantile } from './statistics.ts';

const EDGE = 'bench-mailhold';
const TENANT = 'bench-contoso';
const APPLIED = 20;
const EDITED = 50;
const MANAGER = 'bench';
const PATIENCE_MS = 30_000;

const connections: ResourceType = {
  group: 'mailhold.dev',
  version: 'v1alpha1',
  plural: 'archiveconnections',
  kind: 'ArchiveConnection',
  scope: 'Namespaced',
};

const missing = await requirements({ node: true });
if (missing !== undefined) throw new Error(missing);
await using cluster = await startCluster({ node: true });
const mailhold = await installedMailhold(cluster, EDGE);
await mailhold.kubectl('create', 'namespace', TENANT);
await mailhold.helm('install');
const startUp = await startUpOf(cluster);
await mailhold.apply(
  archive({ name: 'mail', namespace: EDGE }),
  runningGateway({ name: 'default', namespace: EDGE }, { role: 'Default', allowedNamespaces: { from: 'All' } }),
);
const fromNothing = performance.now();
await mailhold.until('the gateway is green', 'mgw', 'default', EDGE, isGreen, 60_000);
const gatewayMs = performance.now() - fromNothing;

await using client = createKubeClient({
  kubeConfig: loadKubeConfig(cluster.kubeconfig),
  userAgent: 'bench',
  clock: systemClock,
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
});

const applied: number[] = [];
let writes = 0;
for (let number = 0; number < APPLIED; number += 1) {
  const before = await writesOf(cluster);
  applied.push(await timed(client, manifest(`journal-${number}`), 'True Succeeded'));
  await pause(500);
  writes = Math.max(writes, (await writesOf(cluster)) - before);
}
const edited: number[] = [];
for (let number = 0; number < EDITED; number += 1) {
  const state = number % 2 === 0 ? 'Disabled' : 'Enabled';
  edited.push(
    await timed(client, manifest('journal-0', state), state === 'Disabled' ? 'True Disabled' : 'True Succeeded'),
  );
}
await pause(2_000);
const quiet = await writesOf(cluster);
await pause(20_000);
const idle = (await writesOf(cluster)) - quiet;

console.log(
  `operator: ready ${startUp} ms after its process began; RSS ${await residentOf(cluster)} MB with ${APPLIED} connections`,
);
console.log(`gateway and archive applied to green, pods and volume included: ${Math.round(gatewayMs)} ms`);
console.log(`new connection applied to Ready, of ${APPLIED}: p50 ${at(applied, 0.5)} ms, worst ${at(applied, 1)} ms`);
console.log(
  `edit to served and shown, of ${EDITED}: p50 ${at(edited, 0.5)} ms, p99 ${at(edited, 0.99)} ms, worst ${at(edited, 1)} ms`,
);
console.log(`writes of the operator for one new connection, at most: ${writes}; in 20 s at rest: ${idle}`);
await mailhold.kubectl('delete', 'ac', '--all', '-n', TENANT);
await mailhold.kubectl('delete', 'mgw,ma', '--all', '-n', EDGE);
await mailhold.uninstall();

function manifest(name: string, state = 'Enabled'): Manifest {
  return journal({ name, namespace: TENANT }, undefined, { state });
}

/** From the answer of the API server until it shows this light for this generation, in ms. */
async function timed(api: KubeClient, object: Manifest, wanted: string): Promise<number> {
  const taken = await api.apply<KubeObject>(connections, object, { manager: MANAGER });
  const began = performance.now();
  const { resourceVersion = '' } = taken.metadata;
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const options = { namespace: TENANT, resourceVersion, timeoutSeconds: 60, signal };
  for await (const { type, object: seen } of api.watch<KubeObject & Shown>(connections, options)) {
    if (type !== 'MODIFIED' || seen.metadata.name !== object.metadata.name) continue;
    if (isGreen(seen) && light(seen, 'Ready') === wanted) return performance.now() - began;
  }
  throw new Error(`${object.metadata.name} did not become ${wanted}`);
}

async function operatorPage({ kubectl, run }: ClusterWithNode, port: number, path: string): Promise<string> {
  const { stdout: address } = await kubectl([
    ...['get', 'pod', '-n', EDGE, '-l', 'app.kubernetes.io/component=operator'],
    ...['-o', 'jsonpath={.items[0].status.podIP}'],
  ]);
  const script = `fetch('http://${address}:${port}${path}').then((it) => it.text()).then((it) => console.log(it))`;
  const { stdout, stderr, code } = await run(process.execPath, ['-e', script]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

async function metric(from: ClusterWithNode, name: RegExp): Promise<number> {
  const lines = (await operatorPage(from, 8080, '/metrics')).split('\n').filter((line) => name.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

function writesOf(from: ClusterWithNode): Promise<number> {
  return metric(from, /^rest_client_requests_total\{verb="(apply|applyStatus|create|patch|delete)"/);
}

async function residentOf(from: ClusterWithNode): Promise<number> {
  return Math.round((await metric(from, /^process_resident_memory_bytes /)) / 1e6);
}

/** From the start of the operator's process to its first plan, in ms, by its own log. */
async function startUpOf({ kubectl }: ClusterWithNode): Promise<number> {
  const { stdout } = await kubectl(['logs', '-n', EDGE, 'deployment/mailhold']);
  const lines = stdout
    .split('\n')
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as { time: string }] : []));
  const last = lines.findLast((line) => 'event' in line && line.event === 'watch-synced');
  const pod = JSON.parse((await kubectl(['get', 'pod', '-n', EDGE, '-o', 'json'])).stdout) as PodList;
  const started = pod.items[0]?.status.containerStatuses[0]?.state.running?.startedAt ?? '';
  // The kubelet tells whole seconds.
  return Date.parse(last?.time ?? '') - Date.parse(started);
}

interface PodList {
  items: { status: { containerStatuses: { state: { running?: { startedAt: string } } }[] } }[];
}

function at(times: readonly number[], share: number): number {
  return Math.round(quantile(times, share));
}
