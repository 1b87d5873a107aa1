import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ScriptedApiServer, sendJson, startScriptedApiServer } from '../../test/peers/scripted-api-server.ts';
import type { KubeClient } from './client.ts';
import { createKubeClient } from './kube-client.ts';
import type { FinishedCall } from './measured-calls.ts';
import type { KubeObject, ResourceType } from './types.ts';

const SECRETS: ResourceType = { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', scope: 'Namespaced' };
const NODES: ResourceType = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', scope: 'Cluster' };
const DEPLOYMENTS: ResourceType = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  scope: 'Namespaced',
};
const DEPLOYMENT: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { namespace: 'mail', name: 'a' },
};
const MANAGER = { manager: 'tests' };

async function withServer(
  run: (server: ScriptedApiServer, client: KubeClient, calls: FinishedCall[]) => Promise<void>,
): Promise<void> {
  await using server = await startScriptedApiServer();
  const calls: FinishedCall[] = [];
  const ignore = (): void => undefined;
  await using client = createKubeClient({
    kubeConfig: server.kubeConfig(),
    userAgent: 'tests/1',
    clock: { now: () => 0, monotonic: () => 0 },
    log: { info: ignore, warn: ignore, error: ignore },
    onCall: (call) => calls.push(call),
  });
  await run(server, client, calls);
}

test('each call is one request of its own form', async (t) => {
  const status = {
    ...DEPLOYMENT,
    metadata: { ...DEPLOYMENT.metadata, uid: 'u', labels: { a: 'b' } },
    status: { x: 1 },
  };
  const cases: [
    what: string,
    act: (client: KubeClient) => Promise<unknown>,
    request: string,
    contentType?: string,
    body?: object,
  ][] = [
    ['get', (it) => it.get(NODES, { name: 'n' }), 'GET /api/v1/nodes/n'],
    ['list of all', (it) => it.list(DEPLOYMENTS, {}), 'GET /apis/apps/v1/deployments'],
    [
      'list of some',
      (it) => it.list(SECRETS, { namespace: 'mail', labelSelector: 'a=b,c', limit: 5, continue: 'x/y=' }),
      'GET /api/v1/namespaces/mail/secrets?labelSelector=a%3Db%2Cc&limit=5&continue=x%2Fy%3D',
    ],
    [
      'apply',
      (it) => it.apply(DEPLOYMENTS, DEPLOYMENT, MANAGER),
      'PATCH /apis/apps/v1/namespaces/mail/deployments/a?fieldManager=tests&force=true&fieldValidation=Strict',
      'application/apply-patch+yaml',
      DEPLOYMENT,
    ],
    [
      'applyStatus',
      (it) => it.applyStatus(DEPLOYMENTS, status, MANAGER),
      'PATCH /apis/apps/v1/namespaces/mail/deployments/a/status?fieldManager=tests&force=true&fieldValidation=Strict',
      'application/apply-patch+yaml',
      { ...DEPLOYMENT, status: { x: 1 } },
    ],
    [
      'create',
      (it) => it.create(DEPLOYMENTS, DEPLOYMENT, MANAGER),
      'POST /apis/apps/v1/namespaces/mail/deployments?fieldManager=tests&fieldValidation=Strict',
      'application/json',
      DEPLOYMENT,
    ],
    [
      'patch',
      (it) => it.patch(DEPLOYMENTS, DEPLOYMENT.metadata, { spec: null }, MANAGER),
      'PATCH /apis/apps/v1/namespaces/mail/deployments/a?fieldManager=tests&fieldValidation=Strict',
      'application/merge-patch+json',
      { spec: null },
    ],
    [
      'delete',
      (it) => it.delete(DEPLOYMENTS, DEPLOYMENT.metadata, { uid: 'u' }),
      'DELETE /apis/apps/v1/namespaces/mail/deployments/a',
      'application/json',
      { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions: { uid: 'u' } },
    ],
    ['read', (it) => it.read('/version'), 'GET /version'],
  ];
  for (const [what, act, line, contentType, body] of cases) {
    await t.test(what, () =>
      withServer(async (server, client) => {
        await act(client);
        const [request] = server.requests;
        assert.equal(`${request?.method} ${request?.url}`, line);
        assert.equal(request?.headers['content-type'], contentType);
        if (body !== undefined) assert.deepEqual(JSON.parse(request?.body ?? ''), body);
      }),
    );
  }
});

test('items of a list say what they are, although the server leaves it out', () =>
  withServer(async (server, client) => {
    server.answer((_request, response) => {
      sendJson(response, 200, {
        metadata: { resourceVersion: '7', continue: 'on' },
        items: [{ metadata: { name: 'a' } }],
      });
    });
    assert.deepEqual(await client.list(DEPLOYMENTS, {}), {
      items: [{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'a' } }],
      resourceVersion: '7',
      continue: 'on',
    });
  }));

test('what is not there is undefined to get, and deleted to delete', () =>
  withServer(async (server, client, calls) => {
    server.answer((_request, response) => sendJson(response, 404, { reason: 'NotFound', message: 'not found' }));
    assert.equal(await client.get(NODES, { name: 'n' }), undefined);
    await client.delete(NODES, { name: 'n' });
    assert.deepEqual(
      calls.map(({ verb, plural, code }) => [verb, plural, code]),
      [
        ['get', 'nodes', 'NotFound'],
        ['delete', 'nodes', 'NotFound'],
      ],
    );
  }));

test('an object that was made anew under the name is left alone, and the old one is gone', () =>
  withServer(async (server, client) => {
    server.answer(({ method }, response) => {
      if (method === 'DELETE') sendJson(response, 409, { reason: 'Conflict', message: 'Precondition failed' });
      else sendJson(response, 200, { metadata: { name: 'n', uid: 'new' } });
    });
    await client.delete(NODES, { name: 'n' }, { uid: 'old' });
    await assert.rejects(client.delete(NODES, { name: 'n' }, { uid: 'new' }), { code: 'Conflict', retry: 'now' });
  }));

test('about a Secret, the words of the server are left out', () =>
  withServer(async (server, client) => {
    const message = 'Invalid value: "hunter2"';
    server.answer((_request, response) => {
      sendJson(response, 422, { reason: 'Invalid', message, details: { causes: [{ field: 'data', message }] } });
    });
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'mail', name: 's' } };
    await assert.rejects(client.apply(SECRETS, object, MANAGER), {
      code: 'Invalid',
      causes: [],
      message:
        'The API server refused to apply secrets mail/s (422 Invalid): its words are left out, since they may quote the Secret',
    });
    await assert.rejects(client.apply(DEPLOYMENTS, DEPLOYMENT, MANAGER), {
      causes: [{ field: 'data', message }],
      message: `The API server refused to apply deployments mail/a (422 Invalid): ${message}`,
    });
  }));

test('an answer that is no object is an error', () =>
  withServer(async (server, client) => {
    server.answer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>');
    });
    await assert.rejects(client.get(NODES, { name: 'n' }), { code: 'Unreadable' });
    await assert.rejects(client.list(NODES, {}), { code: 'Unreadable' });
    assert.equal(await client.read('/readyz'), '<html>Log in</html>');
  }));

test('a watch yields lines as they come, and leaving it closes its connection', () =>
  withServer(async (server, client, calls) => {
    const closed = Promise.withResolvers<void>();
    server.answer(({ url }, response) => {
      assert.equal(
        url,
        '/api/v1/nodes?watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=290&labelSelector=a',
      );
      response.once('close', closed.resolve);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"type":"ADDED","object":{"metadata":{"name":"ä"}}}\n{"type":"BOOK');
      response.write('MARK","object":{"metadata":{"resourceVersion":"6"}}}\n');
    });
    const lines = client.watch(NODES, { resourceVersion: '5', timeoutSeconds: 290, labelSelector: 'a' });
    assert.deepEqual((await lines.next()).value, { type: 'ADDED', object: { metadata: { name: 'ä' } } });
    assert.deepEqual((await lines.next()).value, { type: 'BOOKMARK', object: { metadata: { resourceVersion: '6' } } });
    await lines.return(undefined);
    await closed.promise;
    assert.deepEqual(calls, [{ verb: 'watch', plural: 'nodes', code: 'OK', ms: 0 }]);
  }));

test('a watch that the caller ends is over, in the middle of a line too', () =>
  withServer(async (server, client) => {
    const stop = new AbortController();
    server.answer((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":');
    });
    const lines = client.watch(NODES, { resourceVersion: '5', timeoutSeconds: 290, signal: stop.signal });
    await lines.next();
    stop.abort();
    assert.deepEqual(await lines.next(), { done: true, value: undefined });
  }));

test('how a watch ends', async (t) => {
  const cases: [what: string, status: number, body: string, reset: boolean, code: string | undefined][] = [
    ['the server closes it', 200, '', false, undefined],
    ['the version is too old', 410, '{"reason":"Expired","message":"too old"}', false, 'Gone'],
    ['the server is busy', 429, '{"reason":"TooManyRequests"}', false, 'TooManyRequests'],
    ['a proxy answers', 502, '<html>', false, 'Unavailable'],
    ['a line breaks off', 200, '{"type":"ADDED","obj', false, 'Unreadable'],
    ['a line is of another form', 200, '{"type":"ADDED"}\n', false, 'Unreadable'],
    ['the connection is reset', 200, '{"type":', true, 'ConnectionFailed'],
  ];
  for (const [what, status, body, reset, code] of cases) {
    await t.test(what, () =>
      withServer(async (server, client, calls) => {
        server.answer((_request, response) => {
          response.writeHead(status, { 'content-type': 'application/json' });
          if (reset) response.write(body, () => response.socket?.destroy());
          else response.end(body);
        });
        const lines = Array.fromAsync(client.watch(NODES, { resourceVersion: '5', timeoutSeconds: 290 }));
        if (code === undefined) assert.deepEqual(await lines, []);
        else await assert.rejects(lines, { code });
        assert.equal(server.requests.length, 1, 'a watch is never asked for again here');
        assert.deepEqual(
          calls.map((call) => call.code),
          // What the lines say is read after the call.
          [code === 'Unreadable' ? 'OK' : (code ?? 'OK')],
        );
      }),
    );
  }
});
