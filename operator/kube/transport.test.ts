import assert from 'node:assert/strict';
import { mkdtempDisposable, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { sendJson, startScriptedApiServer } from '../../test/peers/scripted-api-server.ts';
import { type ApiRequest, createTransport, type TransportOptions } from './transport.ts';

const CLOCK = { now: () => Date.UTC(2026, 0, 1), monotonic: () => performance.now() };
const GET: ApiRequest = { method: 'GET', path: '/api/v1/pods', doing: 'list pods', idempotent: true };
const POST: ApiRequest = {
  method: 'POST',
  path: '/api/v1/pods',
  doing: 'create pods',
  body: { contentType: 'application/json', text: '{}' },
  idempotent: false,
};
/** Longer than any of these tests takes, and shorter than a person waits. */
const DEADLINE_MS = 5_000;

const transportTo = (kubeConfig: TransportOptions['kubeConfig'], more: Partial<TransportOptions> = {}) =>
  createTransport({ kubeConfig, userAgent: 'tests/1', clock: CLOCK, deadlineMs: DEADLINE_MS, ...more });

test('300 calls one after another share at most 4 TLS connections', async () => {
  await using server = await startScriptedApiServer();
  await using transport = transportTo(server.kubeConfig());
  for (let calls = 0; calls < 300; calls++) await transport.call(GET);
  assert.ok(server.connections <= 4, `${server.connections} connections`);
  assert.equal(server.requests.length, 300);
});

test('100 calls at once share 8 connections', async () => {
  await using server = await startScriptedApiServer();
  await using transport = transportTo(server.kubeConfig());
  await Promise.all(Array.from({ length: 100 }, () => transport.call(GET)));
  assert.equal(server.connections, 8);
});

test('watches that are open never keep a call waiting', async () => {
  await using server = await startScriptedApiServer();
  await using transport = transportTo(server.kubeConfig());
  server.answer(({ url }, response) => {
    if (url === GET.path) return sendJson(response, 200, { fine: true });
    response.writeHead(200, { 'content-type': 'application/json' }).write('x');
  });
  const streams = Array.from({ length: 20 }, () => transport.stream({ ...GET, path: '/watch' }));
  await Promise.all(streams.map((stream) => stream.next()));
  assert.deepEqual((await transport.call(GET)).body, { fine: true });
  await Promise.all(streams.map((stream) => stream.return(undefined)));
});

test('says who asks, with the token that is in the file now', async () => {
  await using server = await startScriptedApiServer();
  await using folder = await mkdtempDisposable(join(tmpdir(), 'mailhold-transport-'));
  const tokenFile = join(folder.path, 'token');
  await writeFile(tokenFile, 'first\n');
  const kubeConfig = server.kubeConfig({
    user: { token: undefined, authProvider: { name: 'tokenFile', config: { tokenFile } } },
  });
  await using transport = transportTo(kubeConfig);
  await transport.call(GET);
  const [request] = server.requests;
  assert.equal(request?.headers.authorization, 'Bearer first');
  assert.equal(request?.headers['user-agent'], 'tests/1');
});

test('a token file that is missing is a sentence, and no call', async () => {
  await using server = await startScriptedApiServer();
  const kubeConfig = server.kubeConfig({
    user: { token: undefined, authProvider: { name: 'tokenFile', config: { tokenFile: '/nonexistent/token' } } },
  });
  await using transport = transportTo(kubeConfig);
  await assert.rejects(transport.call(GET), {
    code: 'CredentialsUnavailable',
    retry: 'later',
    message: /^The credentials for the API server cannot be had: ENOENT/,
  });
  assert.equal(server.requests.length, 0);
});

test('a deadline ends a call that is not answered, and closes its connection', async () => {
  await using server = await startScriptedApiServer();
  await using transport = transportTo(server.kubeConfig(), { deadlineMs: 300 });
  const closed = Promise.withResolvers<void>();
  server.answer((_request, response) => response.once('close', closed.resolve));
  await assert.rejects(transport.call(GET), {
    code: 'Timeout',
    retry: 'later',
    message: 'The API server did not list pods within 0.3 s.',
  });
  await closed.promise;
});

test('the deadline counts while the body comes, too', async () => {
  await using server = await startScriptedApiServer();
  await using transport = transportTo(server.kubeConfig(), { deadlineMs: 300 });
  server.answer((_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).write('{'));
  await assert.rejects(transport.call(GET), { code: 'Timeout' });
});

test('the caller ends a call', async () => {
  await using server = await startScriptedApiServer();
  await using transport = transportTo(server.kubeConfig());
  const stop = new AbortController();
  server.answer(() => stop.abort());
  await assert.rejects(transport.call({ ...GET, signal: stop.signal }), { code: 'Aborted', retry: 'never' });
  await assert.rejects(transport.call({ ...GET, signal: stop.signal }), { code: 'Aborted' });
  assert.equal(server.requests.length, 1);
});

test('which answers are asked for again at once', async (t) => {
  const cases: {
    what: string;
    status: number;
    headers: Record<string, string>;
    request: ApiRequest;
    requests: number;
  }[] = [
    { what: 'a read, 429', status: 429, headers: { 'retry-after': '0' }, request: GET, requests: 2 },
    { what: 'a read, 503', status: 503, headers: { 'retry-after': '0' }, request: GET, requests: 2 },
    { what: 'a creation, 429', status: 429, headers: { 'retry-after': '0' }, request: POST, requests: 2 },
    { what: 'a creation, 503', status: 503, headers: { 'retry-after': '0' }, request: POST, requests: 1 },
    { what: 'a read, 500', status: 500, headers: {}, request: GET, requests: 1 },
    { what: 'a read, 404', status: 404, headers: {}, request: GET, requests: 1 },
    { what: 'a wait beyond the deadline', status: 429, headers: { 'retry-after': '60' }, request: GET, requests: 1 },
  ];
  for (const { what, status, headers, request, requests } of cases) {
    await t.test(what, async () => {
      await using server = await startScriptedApiServer();
      await using transport = transportTo(server.kubeConfig());
      server.answer((_request, response) => {
        sendJson(response, server.requests.length === 1 ? status : 200, { metadata: {} }, headers);
      });
      const outcome = await transport.call(request).then(
        () => 200,
        (error: { status: number }) => error.status,
      );
      assert.equal(server.requests.length, requests);
      assert.equal(outcome, requests === 1 ? status : 200);
    });
  }
});

test('a server that stays busy is asked four times, and then the caller is told', async () => {
  await using server = await startScriptedApiServer();
  await using transport = transportTo(server.kubeConfig());
  server.answer((_request, response) => sendJson(response, 429, {}, { 'retry-after': '0' }));
  await assert.rejects(transport.call(GET), { code: 'TooManyRequests', retry: 'later', retryAfterMs: 0 });
  assert.equal(server.requests.length, 4);
});

test('the wait that a server asks for ends when the caller stops', async () => {
  await using server = await startScriptedApiServer();
  const stop = new AbortController();
  // The answer is read with a look at the clock; what comes next is the wait.
  const now = (): number => {
    setImmediate(() => stop.abort());
    return CLOCK.now();
  };
  await using transport = transportTo(server.kubeConfig(), { clock: { ...CLOCK, now } });
  server.answer((_request, response) => sendJson(response, 429, {}, { 'retry-after': '4' }));
  await assert.rejects(transport.call({ ...GET, signal: stop.signal }), { code: 'Aborted' });
  assert.equal(server.requests.length, 1);
});

test('a connection that is reset costs a read nothing, and a creation is not sent twice', async () => {
  await using server = await startScriptedApiServer();
  await using transport = transportTo(server.kubeConfig());
  server.answer((_request, response) => {
    if (server.requests.length % 2 === 1) response.socket?.destroy();
    else sendJson(response, 200, { fine: true });
  });
  assert.deepEqual((await transport.call(GET)).body, { fine: true });
  assert.equal(server.requests.length, 2);
  await assert.rejects(transport.call(POST), { code: 'ConnectionFailed', retry: 'later' });
  assert.equal(server.requests.length, 3);
});

test('an answer that breaks off is an error, and never half an object', async () => {
  await using server = await startScriptedApiServer();
  await using transport = transportTo(server.kubeConfig());
  server.answer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"metadata":', () => response.socket?.destroy());
  });
  await assert.rejects(transport.call(GET), { code: 'ConnectionFailed' });
  server.answer((_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"metadata":');
  });
  await assert.rejects(transport.call(GET), { code: 'Unreadable' });
});

test('a certificate of another authority is not trusted, and the error says so', async () => {
  await using server = await startScriptedApiServer();
  await using other = await startScriptedApiServer();
  const caData = Buffer.from(other.ca).toString('base64');
  await using transport = transportTo(server.kubeConfig({ cluster: { caData } }));
  await assert.rejects(transport.call(GET), {
    code: 'CertificateNotTrusted',
    message: /^The certificate of the API server is not trusted, so Mailhold did not list pods: /,
  });
});

test('a CA that changes in its file is taken up with the next call', async () => {
  await using server = await startScriptedApiServer();
  await using folder = await mkdtempDisposable(join(tmpdir(), 'mailhold-transport-'));
  const caFile = join(folder.path, 'ca.crt');
  await writeFile(caFile, server.ca);
  await using transport = transportTo(server.kubeConfig({ cluster: { caData: undefined, caFile } }));
  await transport.call(GET);
  const renewed = await server.renew();
  await assert.rejects(transport.call(GET), { code: 'CertificateNotTrusted' });
  await writeFile(caFile, renewed);
  await transport.call(GET);
  assert.equal(server.requests.length, 2);
});

test('nobody listens', async () => {
  const server = await startScriptedApiServer();
  const kubeConfig = server.kubeConfig();
  await server[Symbol.asyncDispose]();
  await using transport = transportTo(kubeConfig);
  await assert.rejects(transport.call(GET), {
    code: 'ConnectionFailed',
    message: /^The API server could not be asked to list pods: .*ECONNREFUSED/,
  });
});

test('warnings of the server are handed on', async () => {
  await using server = await startScriptedApiServer();
  const warnings: string[] = [];
  await using transport = transportTo(server.kubeConfig(), { onWarning: (text) => warnings.push(text) });
  server.answer((_request, response) =>
    sendJson(response, 200, {}, { warning: '299 - "old \\"v1\\"", 299 - "and more"' }),
  );
  await transport.call(GET);
  assert.deepEqual(warnings, ['old "v1"', 'and more']);
});
