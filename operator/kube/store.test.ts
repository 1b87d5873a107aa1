import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Change, createStore } from './store.ts';
import type { KubeObject } from './types.ts';

function thing(name: string, resourceVersion: string, uid = name): KubeObject {
  return { apiVersion: 'v1', kind: 'Thing', metadata: { namespace: 'test', name, uid, resourceVersion } };
}

/** The change in a word, its key, and the versions of the object and of what was before. */
function words(changes: readonly Change<KubeObject>[]): string[] {
  return changes.map((change) => {
    const before = change.type === 'added' ? '' : ` after ${change.previous.metadata.resourceVersion}`;
    return `${change.type} ${change.key} ${change.object.metadata.resourceVersion}${before}`;
  });
}

test('a list tells what is new, what changed and what is gone, and nothing of what is as it was', () => {
  const store = createStore<KubeObject>();
  assert.deepEqual(words(store.replace([thing('a', '1'), thing('b', '2'), thing('c', '3')])), [
    'added test/a 1',
    'added test/b 2',
    'added test/c 3',
  ]);
  assert.deepEqual(words(store.replace([thing('a', '1'), thing('b', '4'), thing('d', '5')])), [
    'deleted test/c 3 after 3',
    'changed test/b 4 after 2',
    'added test/d 5',
  ]);
  assert.deepEqual(
    store.list().map(({ metadata }) => metadata.name),
    ['a', 'b', 'd'],
  );
});

test('one by one', () => {
  const store = createStore<KubeObject>();
  assert.deepEqual(words(store.put(thing('a', '1'))), ['added test/a 1']);
  assert.deepEqual(words(store.put(thing('a', '1'))), []);
  assert.deepEqual(words(store.put(thing('a', '2'))), ['changed test/a 2 after 1']);
  assert.equal(store.get('test/a')?.metadata.resourceVersion, '2');
  assert.deepEqual(words(store.remove(thing('a', '3'))), ['deleted test/a 3 after 2']);
  assert.deepEqual(words(store.remove(thing('a', '3'))), []);
  assert.equal(store.get('test/a'), undefined);
});

test('another object of the same name is a deletion and an addition', () => {
  const store = createStore<KubeObject>();
  store.put(thing('a', '1', 'first'));
  assert.deepEqual(words(store.replace([thing('a', '7', 'second')])), ['deleted test/a 1 after 1', 'added test/a 7']);
});

test('an object of the cluster is known by its name', () => {
  const store = createStore<KubeObject>();
  store.put({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker', resourceVersion: '1' } });
  assert.equal(store.get('worker')?.kind, 'Node');
});
