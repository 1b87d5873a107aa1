import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { serveHttp } from '../operator/runtime/standalone/http.ts';
import { createStatusPage } from '../operator/runtime/standalone/status-page.ts';
import type { StageResult, TestEvent } from '../workers/process/contract.ts';
import { main } from './main.ts';
import { type CapturedOptions, capturedIo } from './testing/captured-io.ts';
import { scene } from './testing/status-scene.ts';

const stages: StageResult[] = [
  { stage: 'connect', ok: true, ms: 1.4, text: '203.0.113.5:993' },
  { stage: 'authenticate', ok: false, ms: 20.6, text: 'NO [AUTHENTICATIONFAILED] no\u001b[2J' },
];

/** The real status server over a status that is made up, since no mail server is needed to show how it is printed. */
async function serve(t: TestContext, events: TestEvent[] = []) {
  const page = createStatusPage(scene.at);
  page.show(scene, scene.at);
  const asked: string[] = [];
  const server = await serveHttp('127.0.0.1:0', {
    status: () => page.status,
    changed: page.changed,
    test: (namespace, name) => {
      asked.push(`${namespace}/${name}`);
      return (async function* () {
        yield* events;
      })();
    },
    healthy: () => ({ ok: true, text: '' }),
    ready: () => ({ ok: true, text: '' }),
    metrics: async () => '',
  });
  t.after(() => server[Symbol.asyncDispose]());
  const run = async (args: string[], options?: CapturedOptions) => {
    const io = capturedIo(options);
    return { code: await main([...args, '--server', server.url], io), out: io.out(), err: io.err() };
  };
  return { page, server, asked, run };
}

const attempt = {
  kind: 'test',
  trigger: 'request',
  revision: 'r',
  startedAt: scene.at,
  endedAt: scene.at,
  stages,
} as const;
const fault = { code: 'AuthenticationFailed', retry: 'never', message: 'The server refused the login.' } as const;

test('status in each form, and its exit code on request', async (t) => {
  const { run } = await serve(t);
  const table = await run(['status']);
  assert.equal(table.code, 0);
  assert.match(table.out, /^NAMESPACE .*\ncontoso +journal +SMTP +True +True +True/);
  assert.equal(JSON.parse((await run(['status', '-o', 'json'])).out).connections.length, 3);
  assert.equal(parse((await run(['status', '-o', 'yaml'])).out).kind, 'StandaloneStatus');
  assert.equal((await run(['status', '--exit-code'])).code, 3);
});

test('status -w draws each change, and goes on when the server went away', async (t) => {
  const { page, server } = await serve(t);
  let seen = 0;
  const io = capturedIo({
    terminal: { columns: 120, rows: 40 },
    wrote: (text) => {
      seen += 1;
      if (seen === 1) page.show({ ...scene, connections: scene.connections.slice(0, 1) }, scene.at);
      if (seen === 2) void server[Symbol.asyncDispose]();
      if (text.includes('Nothing answers')) io.abort();
    },
  });
  assert.equal(await main(['status', '--watch', '--server', server.url], io), 0);
  const [, first = '', second = '', gone = ''] = io.out().split('\r');
  assert.match(first, /undelivered/);
  assert.doesNotMatch(second, /undelivered/);
  assert.match(gone, /journal(.|\n)*Nothing answers at/);
});

test('test shows the stages as they pass, and fails with the words of the server', async (t) => {
  const events: TestEvent[] = [
    ...stages.map((stage) => ({ type: 'stage', stage }) as const),
    { type: 'end', attempt: { ...attempt, fault } },
  ];
  const { run, asked } = await serve(t, events);
  assert.deepEqual(await run(['test', 'undelivered']), {
    code: 1,
    out: [
      '✓ connect          1 ms  203.0.113.5:993',
      '✗ authenticate    21 ms  NO [AUTHENTICATIONFAILED] no [2J',
      'Failed. The server refused the login.',
      '',
    ].join('\n'),
    err: '',
  });
  assert.deepEqual(asked, ['contoso/undelivered']);
  const json = await run(['test', 'contoso/undelivered', '-o', 'json']);
  assert.deepEqual(
    json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).type),
    ['stage', 'stage', 'end'],
  );
});

test('test exits with 0 where every stage passed, with 1 where it was refused or cut off', async (t) => {
  const { run } = await serve(t, [{ type: 'end', attempt }]);
  assert.deepEqual(await run(['test', 'journal']), { code: 0, out: 'Passed.\n', err: '' });
  const refused = await serve(t, [{ type: 'refused', message: 'It is not served yet.' }]);
  assert.deepEqual(await refused.run(['test', 'journal']), {
    code: 1,
    out: '',
    err: 'mailhold test: It is not served yet.\n',
  });
  const cut = await serve(t);
  assert.match((await cut.run(['test', 'journal'])).err, /cut off before its end/);
});

test('test wants one connection: it says which there are of a name, and which one may be meant', async (t) => {
  const { page, run } = await serve(t);
  const [first] = scene.connections;
  assert.ok(first);
  const twin = { ...first, metadata: { ...first.metadata, namespace: 'fabrikam' } };
  page.show({ ...scene, connections: [...scene.connections, twin] }, scene.at);
  assert.match((await run(['test', 'journal'])).err, /journal may be contoso\/journal or fabrikam\/journal/);
  assert.match(
    (await run(['test', 'contoso/jurnal'])).err,
    /no connection contoso\/jurnal\. Did you mean contoso\/journal\?/,
  );
  assert.match((await run(['test', 'zzzzzzzzz'])).err, /mailhold status lists them/);
});
