import assert from 'node:assert/strict';
import { request } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { TestEvent } from '../../../workers/process/contract.ts';
import { type Pages, serveHttp } from './http.ts';
import { isLoopback } from './page-access.ts';

async function* twoEvents(): AsyncGenerator<TestEvent> {
  yield { type: 'stage', stage: { stage: 'resolve', ok: true, ms: 1, text: '127.0.0.1' } };
  yield { type: 'refused', message: 'enough' };
}

async function serve(t: TestContext, pages: Partial<Pages> = {}): Promise<string> {
  const server = await serveHttp('127.0.0.1:0', {
    status: () => ({ change: 1 }),
    changed: async () => undefined,
    test: (_, name) => (name === 'journal' ? twoEvents() : undefined),
    healthy: () => ({ ok: true, text: 'ok' }),
    ready: () => ({ ok: false, text: 'the receiver does not run' }),
    metrics: async () => 'a 1\n',
    ...pages,
  });
  t.after(() => server[Symbol.asyncDispose]());
  return server.url;
}

/** fetch() sets Host and Origin itself, so these are asked for by hand. */
function ask(
  url: string,
  method: string,
  headers: Record<string, string> = {},
): Promise<{ code: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers }, async (response) => {
      let text = '';
      for await (const chunk of response) text += String(chunk);
      resolve({ code: response.statusCode ?? 0, text });
    });
    asked.once('error', reject);
    asked.end();
  });
}

test('each page answers as its name says', async (t) => {
  const url = await serve(t);
  const cases: [string, string, number, RegExp][] = [
    ['GET', '/status', 200, /^\{"change":1\}\n$/],
    ['GET', '/healthz', 200, /^ok\n$/],
    ['GET', '/readyz', 503, /the receiver does not run/],
    ['GET', '/metrics', 200, /^a 1\n$/],
    ['POST', '/test?name=journal', 200, /"resolve".*\n.*"enough".*\n$/],
    ['POST', '/test?name=none', 404, /no one ArchiveConnection none/],
    ['POST', '/test', 400, /Name the connection/],
    ['GET', '/test?name=journal', 404, /There are/],
    ['GET', '/', 404, /There are/],
  ];
  for (const [method, path, code, text] of cases) {
    const got = await ask(`${url}${path}`, method);
    assert.equal(got.code, code, path);
    assert.match(got.text, text);
  }
});

test('another site in a browser of this machine can neither read nor do anything', async (t) => {
  const url = await serve(t);
  const { host } = new URL(url);
  const cases: [string, Record<string, string>, number][] = [
    ['GET', { host: 'evil.example.com' }, 403],
    ['GET', { host: `evil.example.com:${new URL(url).port}` }, 403],
    ['GET', { host: '127.0.0.1.example.com' }, 403],
    ['GET', { host: 'localhost' }, 200],
    ['POST', { origin: 'https://evil.example.com' }, 403],
    ['POST', { origin: 'null' }, 403],
    ['POST', { 'sec-fetch-site': 'cross-site' }, 403],
    ['POST', { 'sec-fetch-site': 'same-site' }, 403],
    ['POST', { 'sec-fetch-site': 'same-origin', origin: `http://${host}` }, 200],
    ['POST', { 'sec-fetch-site': 'none' }, 200],
  ];
  for (const [method, headers, code] of cases) {
    const path = method === 'GET' ? '/status' : '/test?name=journal';
    assert.equal((await ask(url + path, method, headers)).code, code, JSON.stringify(headers));
  }
});

test('a status that waits is answered when something changes, and a disposal ends the wait', async (t) => {
  const change = Promise.withResolvers<void>();
  const waits: [number, number][] = [];
  const url = await serve(t, {
    changed: (since, ms) => {
      waits.push([since, ms]);
      return change.promise;
    },
  });
  const waiting = ask(`${url}/status?since=4&wait=999999`, 'GET');
  change.resolve();
  assert.equal((await waiting).code, 200);
  assert.deepEqual(waits, [[4, 60_000]]);
});

test('only a loopback address and a free port are taken', async (t) => {
  const url = await serve(t);
  const cases: [string, string][] = [
    ['0.0.0.0:8460', 'InvalidOption'],
    ['192.0.2.1:8460', 'InvalidOption'],
    ['8460', 'InvalidOption'],
    ['127.0.0.1:99999', 'InvalidOption'],
    [new URL(url).host, 'HttpListenFailed'],
  ];
  for (const [listen, code] of cases) {
    await assert.rejects(serveHttp(listen, {} as Pages), { code }, listen);
  }
});

test('what counts as loopback', () => {
  for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1', '127.1.2.3:80', '[::1]', '[::1]:8460']) {
    assert.ok(isLoopback(host), host);
  }
  for (const host of ['', 'localhost.example.com', '127.0.0.1.nip.example', '127.1', '0.0.0.0', '[::]', '::1:80']) {
    assert.equal(isLoopback(host), false, host);
  }
});
