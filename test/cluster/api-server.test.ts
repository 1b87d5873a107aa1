import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requirements, startCluster } from './cluster.ts';

const skip = (await requirements({ node: false })) ?? false;

test('an API server of the pinned version answers kubectl and helm, and pods would find their service account', {
  skip,
}, async () => {
  await using cluster = await startCluster({ node: false });
  const version = await cluster.kubectl(['version', '--output', 'json']);
  assert.equal(version.code, 0, version.stderr);
  const { clientVersion, serverVersion } = JSON.parse(version.stdout);
  assert.equal(serverVersion.gitVersion, clientVersion.gitVersion);
  const releases = await cluster.helm(['list', '--output', 'json']);
  assert.equal(releases.stdout.trim(), '[]', releases.stderr);
  const account = await cluster.kubectl(['get', 'serviceaccount', 'default', '--output', 'name']);
  assert.equal(account.stdout.trim(), 'serviceaccount/default', account.stderr);
});

test('kubectl tells its exit code and its words, and takes input', { skip }, async () => {
  await using cluster = await startCluster({ node: false });
  const none = await cluster.kubectl(['get', 'namespace', 'nowhere']);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /"nowhere" not found/);
  const namespace = JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'given-by-input' } });
  const made = await cluster.kubectl(['apply', '-f', '-'], { input: namespace });
  assert.equal(made.stdout.trim(), 'namespace/given-by-input created', made.stderr);
  await cluster.kubectl(['delete', 'namespace', 'given-by-input', '--wait=false']);
});
