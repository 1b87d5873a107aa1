import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import type { KubeClient } from '../../operator/kube/client.ts';
import { createInformer, type Informer } from '../../operator/kube/informer.ts';
import { createKubeClient } from '../../operator/kube/kube-client.ts';
import type { Change } from '../../operator/kube/store.ts';
import { systemTimers } from '../../operator/kube/timers.ts';
import { type KubeObject, keyOfObject, type Log, type ResourceType } from '../../operator/kube/types.ts';
import { type TcpGate, tcpGate } from '../peers/tcp-gate.ts';
import { requirements } from './cluster.ts';
import { type RestartableServer, startRestartableServer } from './restartable-server.ts';

interface ConfigMap extends KubeObject {
  data: { value: string };
}

const CONFIG_MAPS: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  scope: 'Namespaced',
};
const MANAGER = { manager: 'informer-test' };
const AT_ONCE = 20;

const skip = (await requirements({ node: false })) ?? false;
const clock = { now: () => Date.now(), monotonic: () => performance.now() };

let server: RestartableServer;
let gate: TcpGate;
/** Goes straight to the server. */
let direct: KubeClient;

before(async () => {
  if (skip) return;
  server = await startRestartableServer();
  gate = await tcpGate(server.port);
  direct = clientAt(server.port);
});

after(async () => {
  if (skip) return;
  await direct[Symbol.asyncDispose]();
  await gate[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

test('several hundred objects come in pages, and changes as they happen', { skip }, async () => {
  const namespace = await newNamespace('pages');
  await each(350, (n) => put(namespace, n, 'first'));
  await using watched = follow(namespace, server.port);
  const { informer, changes } = watched;
  await informer.synced;
  assert.equal(changes.length, 350);
  assert.ok(changes.every(({ type }) => type === 'added'));
  await each(100, (n) => put(namespace, n, 'second'));
  await each(50, (n) => direct.delete(CONFIG_MAPS, { namespace, name: nameOf(300 + n) }));
  await each(50, (n) => put(namespace, 400 + n, 'first'));
  await watched.until(() => changes.length >= 550);
  assert.deepEqual(countsOf(changes), { added: 400, changed: 100, deleted: 50 });
  await assertSame(informer, namespace);
  const [object] = informer.list();
  assert.ok(object !== undefined && !('managedFields' in object.metadata));
});

test('a connection that is cut is taken up where it was: nothing is missed, and nothing is listed again', {
  skip,
}, async () => {
  const namespace = await newNamespace('cut');
  await each(30, (n) => put(namespace, n, 'first'));
  await using watched = follow(namespace, gate.port);
  const { informer, changes } = watched;
  await informer.synced;
  for (const round of ['second', 'third', 'fourth']) {
    gate.shut();
    await each(30, (n) => put(namespace, n, round));
    const before = changes.length;
    gate.open();
    await watched.until(() => changes.length >= before + 30);
    await assertSame(informer, namespace);
  }
  assert.deepEqual(countsOf(changes), { added: 30, changed: 90 });
  assert.equal(informer.counts.lists, 1);
  assert.ok(informer.counts.interruptions >= 3);
});

test('a server that came back and forgot our version (410) is listed anew, and what vanished is told', {
  skip,
}, async () => {
  const namespace = await newNamespace('gone');
  await each(60, (n) => put(namespace, n, 'first'));
  await using watched = follow(namespace, gate.port);
  const { informer, changes, logged } = watched;
  await informer.synced;
  changes.length = 0;
  gate.shut();
  await each(20, (n) => direct.delete(CONFIG_MAPS, { namespace, name: nameOf(n) }));
  await each(20, (n) => put(namespace, 20 + n, 'second'));
  await each(5, (n) => put(namespace, 100 + n, 'first'));
  await server.compact();
  await server.restart();
  gate.open();
  await watched.until(() => informer.counts.lists >= 2);
  assert.ok(logged.some(({ event, code }) => event === 'watch-interrupted' && code === 'Gone'));
  assert.deepEqual(countsOf(changes), { added: 5, changed: 20, deleted: 20 });
  assert.ok(changes.every((change) => change.type !== 'deleted' || change.object.data.value === 'first'));
  await assertSame(informer, namespace);
  await put(namespace, 200, 'first');
  await watched.until(() => informer.get(`${namespace}/${nameOf(200)}`) !== undefined);
  assert.equal(informer.counts.lists, 2);
});

test('a list whose token is too old when the next page is asked for begins anew', { skip }, async () => {
  const namespace = await newNamespace('token');
  await each(60, (n) => put(namespace, n, 'first'));
  const client = clientAt(server.port);
  let pages = 0;
  const list: KubeClient['list'] = async (type, options) => {
    pages += 1;
    if (pages === 2) {
      await direct.delete(CONFIG_MAPS, { namespace, name: nameOf(0) });
      await server.compact();
      await server.restart();
    }
    return await client.list(type, options);
  };
  await using watched = follow(namespace, server.port, { ...client, list });
  const { informer, logged } = watched;
  await informer.synced;
  assert.ok(logged.some(({ event, code }) => event === 'watch-interrupted' && code === 'Gone'));
  assert.equal(informer.counts.lists, 1);
  assert.equal(informer.list().length, 59);
  await assertSame(informer, namespace);
});

interface Watched extends AsyncDisposable {
  informer: Informer<ConfigMap>;
  changes: Change<ConfigMap>[];
  logged: Record<string, unknown>[];
  /** Resolves at the first change or log line after which this is so. */
  until(isSo: () => boolean): Promise<void>;
}

function follow(namespace: string, port: number, client: KubeClient = clientAt(port)): Watched {
  const changes: Change<ConfigMap>[] = [];
  const logged: Record<string, unknown>[] = [];
  const looks = new Set<() => void>();
  const look = (): void => {
    // What came is in the store and in the counts after this turn.
    queueMicrotask(() => {
      for (const again of looks) again();
    });
  };
  const log = (event: string, fields = {}): void => {
    logged.push({ event, ...fields });
    look();
  };
  const informer = createInformer<ConfigMap>({
    client,
    type: CONFIG_MAPS,
    namespace,
    // Set by the API server's controllers in each namespace, where they run.
    fieldSelector: 'metadata.name!=kube-root-ca.crt',
    pageSize: 25,
    random: Math.random,
    clock,
    // The waits between tries are a tenth, so that the test takes seconds.
    timers: { after: (ms, run) => systemTimers.after(ms / 10, run) },
    log: { info: log, warn: log, error: log } satisfies Log,
    onChange: (change) => {
      changes.push(change);
      look();
    },
  });
  return {
    informer,
    changes,
    logged,
    until: (isSo) =>
      new Promise((resolve) => {
        const again = (): void => {
          if (!isSo()) return;
          looks.delete(again);
          resolve();
        };
        looks.add(again);
        again();
      }),
    [Symbol.asyncDispose]: async () => {
      await informer[Symbol.asyncDispose]();
      await client[Symbol.asyncDispose]();
    },
  };
}

function clientAt(port: number): KubeClient {
  const { certificate, privateKey, authority } = server.user;
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    { name: 'test', server: `https://127.0.0.1:${port}`, caData: base64(authority), skipTLSVerify: false },
    { name: 'admin', certData: base64(certificate), keyData: base64(privateKey) },
  );
  const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  return createKubeClient({ kubeConfig, userAgent: 'informer-test', clock, log: silent });
}

async function newNamespace(name: string): Promise<string> {
  const type: ResourceType = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', scope: 'Cluster' };
  await direct.create(type, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, MANAGER);
  return name;
}

const nameOf = (n: number): string => `map-${String(n).padStart(4, '0')}`;

function put(namespace: string, n: number, value: string): Promise<ConfigMap> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: nameOf(n) }, data: { value } };
  return direct.apply<ConfigMap>(CONFIG_MAPS, object, MANAGER);
}

/** Some at once, as several writers would. */
async function each(count: number, act: (n: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, n) => act(from + n)));
  }
}

function countsOf(changes: readonly Change<ConfigMap>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of changes) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

/** The store is what the server lists, in every version. */
async function assertSame(informer: Informer<ConfigMap>, namespace: string): Promise<void> {
  const { items } = await direct.list<ConfigMap>(CONFIG_MAPS, { namespace });
  const versions = (objects: readonly ConfigMap[]): string[] =>
    objects.map((object) => `${keyOfObject(object)} ${object.metadata.resourceVersion} ${object.data.value}`).sort();
  assert.deepEqual(versions(informer.list()), versions(items));
}
