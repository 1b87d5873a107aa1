import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ChildObject } from '../../operator/plan/children/child-object.ts';
import { childrenOf, GATEWAY_SCENES, type GatewayScene, gatewayScene, objectsOf } from '../gateway-scenes.ts';
import { SPOILED_PODS, tightPod } from '../spoiled-pods.ts';
import { type Cluster, requirements, startCluster } from './cluster.ts';

const NAMESPACE = 'children-of-gateways';
const skip = (await requirements({ node: false })) ?? false;

interface Live extends ChildObject {
  metadata: ChildObject['metadata'] & { uid: string; resourceVersion: string };
  spec?: Record<string, unknown>;
}

let cluster: Cluster;

before(async () => {
  if (skip) return;
  cluster = await startCluster({ node: false });
  await kubectl(['apply', '--server-side', '--force-conflicts', '-f', join(import.meta.dirname, '../../crds')]);
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels } },
    { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'mail' }, value: 1 },
  ]);
});

after(async () => {
  if (skip) return;
  await using _ = cluster;
  await kubectl(['delete', '--ignore-not-found', '--wait=false', `namespace/${NAMESPACE}`, 'priorityclass/mail']);
});

for (const planned of GATEWAY_SCENES) {
  test(`an API server takes the objects of the gateway ${planned.name}, and once only`, { skip }, async () => {
    const scene = await declared(planned);
    await assertSettles(objectsOf(scene));
    const { stderr } = await kubectl(['create', '--dry-run=server', '--validate=strict', '-f', '-'], podsOf(scene));
    assert.equal(stderr, '', 'the restricted namespace takes the pods, without a warning');
  });
}

test('a gateway may change into any other, and back', { skip }, async () => {
  const through = (type: string, more = {}) => ({ receiver: { service: { type, ...more } } });
  const steps = [
    {},
    { shareable: true, receiver: { replicas: 3 }, poller: { shards: 2 } },
    { receiver: { pod: { resources: { limits: { memory: '1Gi' } }, nodeSelector: { pool: 'edge' } } } },
    through('ClusterIP'),
    through('NodePort', { nodePort: 30027 }),
    through('LoadBalancer', { loadBalancerClass: 'example.com/internal', annotations: { a: 'b' } }),
    through('ClusterIP', { ipFamilyPolicy: 'PreferDualStack' }),
    {},
  ];
  for (const step of steps) {
    const scene = await declared(gatewayScene('edge', step));
    await assertSettles(objectsOf(scene));
    const { service: wanted, workers } = childrenOf(scene);
    const { deployment } = workers?.receiver ?? assert.fail('there is a receiver');
    const [service, receiver] = await get([wanted, deployment]);
    assert.equal(service?.spec?.externalTrafficPolicy, wanted.spec.externalTrafficPolicy);
    assert.equal(service?.spec?.loadBalancerClass, wanted.spec.loadBalancerClass);
    assert.deepEqual(receiver?.spec?.strategy, deployment.spec.strategy);
  }
});

test('a deleted gateway takes its objects with it, and leaves the claim', { skip }, async () => {
  const scene = await declared(gatewayScene('gone', {}));
  const objects = objectsOf(scene);
  await apply(objects);
  await kubectl(['delete', 'mailgateway', 'gone', '-n', NAMESPACE]);
  const [claim, ...children] = objects;
  assert.equal(claim?.kind, 'PersistentVolumeClaim');
  await kubectl(['wait', '--for=delete', '--timeout=60s', '-f', '-'], children);
  assert.equal((await get([claim])).length, 1);
});

test('the API server refuses the pods that the check of the restricted profile refuses', { skip }, async () => {
  const { serviceAccount } = childrenOf(await declared(gatewayScene('edge', {})));
  await apply([serviceAccount]);
  const pods = [{ what: 'tight', spoil: () => undefined }, ...SPOILED_PODS].map(({ spoil }, number) => {
    const pod = tightPod();
    spoil(pod);
    const spec = { ...pod.spec, serviceAccountName: serviceAccount.metadata.name };
    return { ...pod, metadata: { ...pod.metadata, name: `pod-${number}`, namespace: NAMESPACE }, spec };
  });
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: pods });
  const { stdout, stderr } = await cluster.kubectl(['create', '--dry-run=server', '-f', '-'], { input });
  assert.equal(stdout, 'pod/pod-0 created (server dry run)\n');
  for (const [number, { what }] of SPOILED_PODS.entries()) {
    assert.match(stderr, new RegExp(`"pod-${number + 1}" is (forbidden: violates PodSecurity|invalid)`), what);
  }
});

/** The scene in the namespace of this test, with the gateway as the cluster has it: children need an owner that exists. */
async function declared(scene: GatewayScene): Promise<GatewayScene> {
  const { apiVersion, kind, metadata, spec } = scene.gateway;
  const manifest = { apiVersion, kind, metadata: { name: metadata.name, namespace: NAMESPACE }, spec };
  const [live] = await apply([manifest]);
  const uid = live?.metadata.uid ?? assert.fail('the gateway has an identity');
  const archive = { ...scene.archive, metadata: { ...scene.archive.metadata, namespace: NAMESPACE } };
  return { ...scene, gateway: { ...scene.gateway, metadata: { ...metadata, namespace: NAMESPACE, uid } }, archive };
}

/**
 * Applies until an apply changes nothing. Controllers write to the objects too, mostly to their status, so it may take a
 * few goes; but where an apply itself makes a change each time, there is no such go.
 */
async function assertSettles(objects: readonly ChildObject[]): Promise<void> {
  await apply(objects);
  let unsettled = objects;
  for (let go = 0; go < 20 && unsettled.length > 0; go += 1) {
    const before = await get(unsettled);
    const after = await apply(unsettled);
    unsettled = unsettled.filter(
      (_, at) => before[at]?.metadata.resourceVersion !== after[at]?.metadata.resourceVersion,
    );
  }
  const names = unsettled.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  assert.deepEqual(names, [], 'each apply changes these');
}

/** One pod of each template, as a controller would make it. */
function podsOf(scene: GatewayScene): object[] {
  const { workers } = childrenOf(scene);
  const groups = workers === undefined ? [] : [workers.receiver, ...workers.pollers];
  return groups.map(({ deployment: { metadata, spec } }) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...spec.template.metadata, name: metadata.name, namespace: NAMESPACE },
    spec: spec.template.spec,
  }));
}

async function apply(objects: readonly object[]): Promise<Live[]> {
  const args = ['apply', '--server-side', '--validate=strict', '--field-manager=mailhold', '-o', 'json', '-f', '-'];
  const { stdout, stderr } = await kubectl(args, objects);
  assert.equal(stderr, '', 'the API server gave no warning');
  return itemsIn(stdout);
}

async function get(objects: readonly object[]): Promise<Live[]> {
  const { stdout } = await kubectl(['get', '-o', 'json', '-f', '-'], objects);
  return itemsIn(stdout);
}

/** kubectl gives one object as it is, and several as a list. */
function itemsIn(stdout: string): Live[] {
  const answer: Live | { kind: 'List'; items: Live[] } = JSON.parse(stdout);
  return 'items' in answer ? answer.items : [answer];
}

async function kubectl(args: string[], objects?: readonly object[]): Promise<{ stdout: string; stderr: string }> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  const result = await cluster.kubectl(args, objects === undefined ? {} : { input: JSON.stringify(list) });
  assert.equal(result.code, 0, `kubectl ${args.join(' ')}: ${result.stderr}`);
  return result;
}
