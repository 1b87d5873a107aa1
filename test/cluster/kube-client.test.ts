import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KubeClient, WatchLine } from '../../operator/kube/client.ts';
import { createEventRecorder } from '../../operator/kube/events.ts';
import { createKubeClient } from '../../operator/kube/kube-client.ts';
import { loadKubeConfig } from '../../operator/kube/load-kube-config.ts';
import type { FinishedCall } from '../../operator/kube/measured-calls.ts';
import type { KubeObject, ResourceType } from '../../operator/kube/types.ts';
import { type Cluster, requirements, startCluster } from './cluster.ts';

const skip = (await requirements({ node: false })) ?? false;
const CONFIG_MAPS = core('configmaps', 'ConfigMap', 'Namespaced');
const NAMESPACES = core('namespaces', 'Namespace', 'Cluster');
const DEPLOYMENTS: ResourceType = { ...core('deployments', 'Deployment', 'Namespaced'), group: 'apps' };
const ARCHIVES: ResourceType = {
  group: 'mailhold.dev',
  version: 'v1alpha1',
  plural: 'mailarchives',
  kind: 'MailArchive',
  scope: 'Namespaced',
};
const MANAGER = { manager: 'tests' };
const CLOCK = { now: () => Date.now(), monotonic: () => performance.now() };
const ignore = (): void => undefined;
const LOG = { info: ignore, warn: ignore, error: ignore };
/** Everything of Latin 1, what YAML has rules for, and beyond. */
const ODD_TEXT = `${String.fromCharCode(...Array(256).keys())}\u2028\u2029\ufeff\ufffe\uffff😀`;

interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

function core(plural: string, kind: string, scope: ResourceType['scope']): ResourceType {
  return { group: '', version: 'v1', plural, kind, scope };
}

/** Gives the test a namespace of its own in the cluster that all share. */
async function inNamespace(
  run: (at: { client: KubeClient; namespace: string; cluster: Cluster; calls: FinishedCall[] }) => Promise<void>,
): Promise<void> {
  await using cluster = await startCluster({ node: false });
  const calls: FinishedCall[] = [];
  await using client = createKubeClient({
    kubeConfig: loadKubeConfig(cluster.kubeconfig),
    userAgent: 'tests/1',
    clock: CLOCK,
    log: LOG,
    onCall: (call) => calls.push(call),
  });
  const namespace = `client-${randomUUID()}`;
  await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, MANAGER);
  try {
    await run({ client, namespace, cluster, calls });
  } finally {
    await client.delete(NAMESPACES, { name: namespace });
  }
}

const configMap = (namespace: string, name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data,
});

function deployment(namespace: string, podSpec: object): KubeObject & { spec: object } {
  const labels = { app: 'a' };
  const spec = { containers: [{ name: 'c', image: 'i' }], ...podSpec };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name: 'd' },
    spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
  };
}

test('an object is created, applied, patched, read and deleted, with any text', { skip }, () =>
  inNamespace(async ({ client, namespace }) => {
    const ref = { namespace, name: 'a' };
    assert.equal(await client.get(CONFIG_MAPS, ref), undefined);
    await client.create(CONFIG_MAPS, configMap(namespace, 'a', { first: '1' }), MANAGER);
    await assert.rejects(client.create(CONFIG_MAPS, configMap(namespace, 'a'), MANAGER), { code: 'AlreadyExists' });
    const applied = await client.apply(CONFIG_MAPS, configMap(namespace, 'a', { odd: ODD_TEXT }), { manager: 'other' });
    assert.deepEqual(applied.data, { first: '1', odd: ODD_TEXT });
    const again = await client.apply(CONFIG_MAPS, configMap(namespace, 'a', { odd: ODD_TEXT }), { manager: 'other' });
    assert.equal(again.metadata.resourceVersion, applied.metadata.resourceVersion, 'nothing new is no write');
    const patched = await client.patch<ConfigMap>(CONFIG_MAPS, ref, { data: { first: null, second: '2' } }, MANAGER);
    assert.deepEqual(patched.data, { odd: ODD_TEXT, second: '2' });
    await assert.rejects(client.patch(CONFIG_MAPS, ref, { metadata: { resourceVersion: '1' } }, MANAGER), {
      code: 'Conflict',
      retry: 'now',
      message: /the object has been modified/,
    });
    const { uid } = patched.metadata;
    assert.ok(uid);
    await client.delete(CONFIG_MAPS, ref, { uid: randomUUID() });
    assert.equal((await client.get(CONFIG_MAPS, ref))?.metadata.uid, uid, 'another object than the one that was meant');
    await client.delete(CONFIG_MAPS, ref, { uid });
    await client.delete(CONFIG_MAPS, ref, { uid });
    assert.equal(await client.get(CONFIG_MAPS, ref), undefined);
  }),
);

test('a status is applied to a kind of ours, and its rules refuse in their words', { skip }, () =>
  inNamespace(async ({ client, namespace, cluster }) => {
    const crd = join(import.meta.dirname, '../../crds/mailhold.dev_mailarchives.yaml');
    assert.equal((await cluster.kubectl(['apply', '--server-side', '-f', crd])).code, 0);
    const established = await cluster.kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', crd]);
    assert.equal(established.code, 0, established.stderr);
    const metadata = { namespace, name: 'main' };
    const object = { apiVersion: 'mailhold.dev/v1alpha1', kind: 'MailArchive', metadata };
    await client.apply(ARCHIVES, { ...object, spec: { volume: { size: '1Gi' } } } as KubeObject, MANAGER);
    const status = { observedGeneration: 1, free: '1Gi' };
    const withStatus = { ...object, status };
    const after = await client.applyStatus<KubeObject & { status: object }>(ARCHIVES, withStatus, MANAGER);
    assert.deepEqual(after.status, status);
    const wrong = { ...object, spec: { volume: { claimName: 'a', size: '1Gi' } } } as KubeObject;
    await assert.rejects(client.apply(ARCHIVES, wrong, MANAGER), {
      code: 'Invalid',
      retry: 'never',
      message: /needs exactly one of claimName .* and size/,
    });
  }),
);

test('a field that the server does not know reaches it, and is refused in its words', { skip }, () =>
  inNamespace(async ({ client, namespace }) => {
    const unknown = deployment(namespace, { notAField: { x: 1 } });
    await assert.rejects(client.apply(DEPLOYMENTS, unknown, MANAGER), {
      code: 'Invalid',
      retry: 'never',
      message: /\.spec\.template\.spec\.notAField: field not declared in schema/,
    });
    await assert.rejects(client.create(DEPLOYMENTS, unknown, MANAGER), {
      code: 'BadRequest',
      retry: 'never',
      message: /unknown field "spec\.template\.spec\.notAField"/,
    });
    await assert.rejects(
      client.apply(DEPLOYMENTS, deployment(namespace, { hostname: '_' }), MANAGER),
      (error: object) => {
        assert.ok('code' in error && 'causes' in error && Array.isArray(error.causes));
        assert.deepEqual([error.code, error.causes[0].field], ['Invalid', 'spec.template.spec.hostname']);
        return true;
      },
    );
  }),
);

test('a list comes in pages, and a watch goes on from where it was', { skip }, () =>
  inNamespace(async ({ client, namespace }) => {
    const names = Array.from({ length: 25 }, (_, number) => `n${String(number).padStart(2, '0')}`);
    await Promise.all(names.map((name) => client.create(CONFIG_MAPS, configMap(namespace, name), MANAGER)));
    const listed: string[] = [];
    let pages = 0;
    let page = await client.list(CONFIG_MAPS, { namespace, limit: 10 });
    for (; ; page = await client.list(CONFIG_MAPS, { namespace, limit: 10, continue: page.continue })) {
      pages += 1;
      for (const { kind, metadata } of page.items) if (kind === 'ConfigMap') listed.push(metadata.name);
      if (page.continue === undefined) break;
    }
    // The controller manager puts a ConfigMap with the authority into every namespace, sooner or later.
    assert.deepEqual(
      listed.filter((name) => name.startsWith('n')),
      names,
    );
    assert.equal(pages, 3);

    const stop = new AbortController();
    const { resourceVersion } = await client.list(CONFIG_MAPS, { namespace });
    const options = { namespace, fieldSelector: 'metadata.name=n00', resourceVersion, timeoutSeconds: 60 };
    const lines = client.watch<ConfigMap>(CONFIG_MAPS, { ...options, signal: stop.signal });
    await client.patch(CONFIG_MAPS, { namespace, name: 'n00' }, { data: { a: 'ä' } }, MANAGER);
    await client.delete(CONFIG_MAPS, { namespace, name: 'n00' });
    const seen: WatchLine<ConfigMap>['type'][] = [];
    for await (const { type } of lines) {
      seen.push(type);
      if (type === 'DELETED') stop.abort();
    }
    assert.deepEqual(seen, ['MODIFIED', 'DELETED']);
  }),
);

test('300 reads one after another, of a real server', { skip }, () =>
  inNamespace(async ({ client, calls }) => {
    const before = calls.length;
    for (let reads = 0; reads < 300; reads++) await client.get(NAMESPACES, { name: 'default' });
    const codes = new Set(calls.slice(before).map(({ verb, plural, code }) => `${verb} ${plural} ${code}`));
    assert.deepEqual([...codes], ['get namespaces OK']);
    assert.equal(calls.length - before, 300);
  }),
);

test('what happens again is one Event with a count, as kubectl shows it', { skip }, () =>
  inNamespace(async ({ client, namespace, cluster }) => {
    const regarding = await client.create(CONFIG_MAPS, configMap(namespace, 'a'), MANAGER);
    const reporter = { controller: 'mailhold.dev/operator', instance: 'tests' };
    const recorder = createEventRecorder({ client, ...MANAGER, reporter, clock: CLOCK, random: Math.random, log: LOG });
    for (let times = 0; times < 3; times++) {
      recorder.record({
        regarding,
        type: 'Warning',
        reason: 'Broken',
        action: 'Mend',
        note: `It broke: ${'ä'.repeat(900)}`,
      });
    }
    await recorder[Symbol.asyncDispose]();
    assert.equal(recorder.lost, 0);
    const shown = await cluster.kubectl(['get', 'events', '--namespace', namespace, '--output', 'json']);
    const { items } = JSON.parse(shown.stdout);
    assert.deepEqual(
      items.map((it: Record<string, unknown>) => [it.type, it.reason, it.reportingComponent, it.series]),
      [['Warning', 'Broken', 'mailhold.dev/operator', { ...items[0].series, count: 3 }]],
    );
    assert.match(items[0].series.lastObservedTime, /\.\d{6}Z$/);
    const described = await cluster.kubectl(['describe', 'configmap', 'a', '--namespace', namespace]);
    assert.match(described.stdout, /Warning +Broken .*It broke: ä/);
  }),
);
