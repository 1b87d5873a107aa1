import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Counter, Registry } from 'prom-client';
import type { Attempt, ReceiverConnection, StatusAnswer, TestEvent } from './contract.ts';
import { createFactsBoard } from './facts-board.ts';
import { startStatusServer } from './status-server.ts';
import { groupFacts } from './testing/group-facts.ts';

const entry: ReceiverConnection = {
  method: 'SMTP',
  uid: 'a',
  namespace: 'contoso',
  name: 'journal',
  generation: 1,
  revision: 'r1',
  state: 'Enabled',
  localParts: [],
  senderRanges: [],
  outsideRanges: 'Defer',
  whenDisabled: 'Defer',
  minimumTLS: 'TLSv1.2',
};
const attempt: Attempt = {
  kind: 'test',
  trigger: 'request',
  revision: 'r1',
  startedAt: '2026-01-01T00:00:00Z',
  endedAt: '2026-01-01T00:00:01Z',
  stages: [{ stage: 'resolve', ok: true, ms: 1, text: '127.0.0.1' }],
};

async function served(t: TestContext) {
  const ended = new AbortController();
  t.after(() => ended.abort());
  const clock = { now: () => Date.UTC(2026, 0, 1), monotonic: () => 0 };
  const registry = new Registry();
  const board = createFactsBoard('epoch-1', groupFacts(), clock);
  const port = await startStatusServer({
    listen: { kind: 'tcp', address: '127.0.0.1', port: 0 },
    board,
    registry,
    test: async (_uid, emit) => {
      for (const stage of attempt.stages) emit(stage);
      return attempt;
    },
    signal: ended.signal,
  });
  const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init);
  const askTest = (revision: string) =>
    ask('/test', { method: 'POST', body: JSON.stringify({ uid: 'a', revision }) }).then(async (response) =>
      (await response.text())
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as TestEvent),
    );
  return { board, registry, ask, askTest };
}

test('a question that waits is answered as soon as a verdict can change', async (t) => {
  const { board, ask } = await served(t);
  const first = (await (await ask('/status')).json()) as StatusAnswer;
  const held = ask(`/status?epoch=${first.epoch}&since=${first.change}&wait=30000`);
  board.serve(entry);
  const answer = (await (await held).json()) as StatusAnswer;
  assert.equal(answer.complete, false);
  assert.equal(answer.connections[0]?.revision, 'r1');
});

test('a test streams its stages and ends with the attempt', async (t) => {
  const { board, askTest } = await served(t);
  board.serve(entry);
  assert.deepEqual(await askTest('r1'), [
    { type: 'stage', stage: attempt.stages[0] },
    { type: 'end', attempt },
  ]);
});

test('a test begins once the configuration that it names is served', async (t) => {
  const { board, askTest } = await served(t);
  board.serve(entry);
  const events = askTest('r2');
  setImmediate(() => board.serve({ ...entry, revision: 'r2' }));
  assert.equal((await events).at(-1)?.type, 'end');
});

test('readiness follows the group, and says why not', async (t) => {
  const { board, ask } = await served(t);
  board.setFault({ code: 'ArchiveNotWritable', retry: 'later', message: 'The archive folder is read-only.' });
  const unready = await ask('/readyz');
  assert.equal(unready.status, 503);
  assert.equal(await unready.text(), 'The archive folder is read-only.\n');
  board.setFault(undefined);
  board.updateGroup({ ready: true });
  assert.equal((await ask('/readyz')).status, 200);
});

test('metrics are in the text format of Prometheus', async (t) => {
  const { registry, ask } = await served(t);
  new Counter({ name: 'mailhold_example_total', help: 'An example.', registers: [registry] }).inc();
  assert.match(await (await ask('/metrics')).text(), /^mailhold_example_total 1$/m);
});

test('an unknown page and a body that is no request get an error, not a crash', async (t) => {
  const { ask } = await served(t);
  assert.equal((await ask('/nowhere')).status, 404);
  assert.equal((await ask('/test', { method: 'POST', body: 'x' })).status, 400);
  assert.equal((await ask('/test', { method: 'POST', body: 'x'.repeat(20_000) })).status, 400);
  assert.equal((await ask('/healthz')).status, 200);
});

test('sixteen questions wait at once, one more gets 503, and the places are given back', async (t) => {
  const { board, ask } = await served(t);
  const { epoch, change } = (await (await ask('/status')).json()) as StatusAnswer;
  const held = Array.from({ length: 17 }, () => ask(`/status?epoch=${epoch}&since=${change}&wait=30000`));
  const refused = await Promise.race(held);
  assert.equal(refused.status, 503);
  assert.equal((await ask('/healthz')).status, 200, 'a probe is answered all the same');
  board.updateGroup({ ready: true });
  const codes = (await Promise.all(held)).map(({ status }) => status);
  assert.deepEqual(
    codes.toSorted((a, b) => a - b),
    [...Array.from({ length: 16 }, () => 200), 503],
  );
  assert.equal((await ask('/status')).status, 200);
});

test('a caller that is gone gives its place back', async (t) => {
  const { board, ask } = await served(t);
  const { epoch, change } = (await (await ask('/status')).json()) as StatusAnswer;
  const waiting = `/status?epoch=${epoch}&since=${change}&wait=30000`;
  for (let round = 0; round < 3; round += 1) {
    const gone = new AbortController();
    const held = Array.from({ length: 16 }, () => ask(waiting, { signal: gone.signal }));
    await until(async () => (await ask('/status')).status === 503);
    gone.abort();
    await Promise.allSettled(held);
    await until(async () => (await ask('/status')).status === 200);
  }
  assert.equal(board.group.ready, false);
});

/** Asks again and again until it holds; the runner's own time is the limit. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise(setImmediate);
}
