import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Counter, Registry } from 'prom-client';
import type { GroupFacts } from './contract.ts';
import { startProbeServer } from './probe-server.ts';
import { groupFacts } from './testing/group-facts.ts';

async function probed(t: TestContext, facts: Partial<GroupFacts>) {
  const ended = new AbortController();
  t.after(() => ended.abort());
  const registry = new Registry();
  const group: GroupFacts = groupFacts(facts);
  const port = await startProbeServer(
    { kind: 'tcp', address: '::', port: 0 },
    { board: { group }, registry },
    ended.signal,
  );
  return { registry, ask: (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init) };
}

const states: [what: string, facts: Partial<GroupFacts>, status: number, text: string][] = [
  ['not configured', {}, 503, 'not yet configured\n'],
  ['ready', { ready: true, revision: 'r' }, 200, 'ready\n'],
  ['stopping', { revision: 'r' }, 503, 'stopping\n'],
  [
    'without its archive',
    { revision: 'r', fault: { code: 'ArchiveNotWritable', retry: 'later', message: 'The archive is read-only.' } },
    503,
    'The archive is read-only.\n',
  ],
];
for (const [what, facts, status, text] of states) {
  test(`a worker that is ${what} says so, and is alive`, async (t) => {
    const { ask } = await probed(t, facts);
    const readiness = await ask('/readyz');
    assert.deepEqual([readiness.status, await readiness.text()], [status, text]);
    assert.equal((await ask('/healthz')).status, 200);
  });
}

test('metrics are in the text format of Prometheus', async (t) => {
  const { registry, ask } = await probed(t, {});
  new Counter({ name: 'mailhold_example_total', help: 'An example.', registers: [registry] }).inc();
  const answer = await ask('/metrics');
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  assert.match(await answer.text(), /^mailhold_example_total 1$/m);
});

test('facts and tests are not here', async (t) => {
  const { ask } = await probed(t, { ready: true });
  for (const [path, init] of [
    ['/status'],
    ['/test', { method: 'POST', body: '{}' }],
    ['/'],
    ['/healthz', { method: 'POST' }],
  ] as const) {
    assert.equal((await ask(path, init)).status, 404, path);
  }
});
