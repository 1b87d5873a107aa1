import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { StatusAnswer, TestEvent } from '../../../workers/process/contract.ts';
import { newAuthority, signClient, signServer } from '../certificates/authority.ts';
import { validityFrom } from '../certificates/life.ts';
import { systemClock } from '../clock.ts';
import { followWorker } from './worker-client.ts';

// The server here is a stand-in: only it can answer in part for another process, or break off. With real workers the
// client is shown in test/scenarios/standalone.test.ts.

const answer = (epoch: string, change: number, complete: boolean): StatusAnswer => ({
  version: 1,
  epoch,
  change,
  complete,
  group: {
    gateway: { namespace: 'mailhold', name: 'default' },
    role: 'receiver',
    software: 'Mailhold/0',
    startedAt: '2026-01-01T00:00:00.000Z',
    ready: true,
    archive: {},
    unknownRecipients: { count: 0 },
    failedHandshakes: [],
  },
  connections: [],
  removed: [],
});

async function fixture(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-worker-client-'));
  const closing = new AbortController();
  const socketPath = join(folder, 'worker.sock');
  let told = Promise.withResolvers<void>();
  const client = followWorker({
    endpoint: { socketPath },
    clock: systemClock,
    onFacts: () => told.resolve(),
    signal: closing.signal,
    waitMs: 10_000,
  });
  const servers: Server[] = [];
  t.after(async () => {
    closing.abort();
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    await rm(folder, { recursive: true });
  });
  const serve = async (handle: (url: string) => string | undefined): Promise<Server> => {
    await rm(socketPath, { force: true });
    const server = createServer((request, response) => {
      request.resume();
      const text = handle(request.url ?? '');
      // undefined: held back, as a worker does while nothing changes.
      if (text !== undefined) response.end(text);
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    return server;
  };
  const until = async (holds: () => boolean): Promise<void> => {
    const late = setTimeout(() => told.reject(new Error('not seen in 5 s')), 5_000);
    while (!holds()) {
      await told.promise;
      told = Promise.withResolvers();
    }
    clearTimeout(late);
  };
  return { client, serve, until };
}

test('the client waits for a worker that is not there yet, then asks for changes alone', async (t) => {
  const { client, serve, until } = await fixture(t);
  const asked: string[] = [];
  await serve((url) => {
    asked.push(url);
    if (url === '/status') return JSON.stringify(answer('a', 3, true));
    return asked.length === 2 ? JSON.stringify(answer('a', 4, false)) : undefined;
  });
  await until(() => client.facts?.change === 4);
  assert.deepEqual(asked.slice(0, 2), ['/status', '/status?epoch=a&since=3&wait=10000']);
});

test('after a restart of the worker its new facts replace the old ones', async (t) => {
  const { client, serve, until } = await fixture(t);
  const first = await serve((url) => (url === '/status' ? JSON.stringify(answer('a', 3, true)) : undefined));
  await until(() => client.facts?.epoch === 'a');
  first.close();
  first.closeAllConnections();
  await serve((url) => (url.includes('since=1') ? undefined : JSON.stringify(answer('b', 1, true))));
  client.poke();
  await until(() => client.facts?.epoch === 'b');
});

test('a worker that comes back is asked for an answer at once, although nothing changed meanwhile', async (t) => {
  const { client, serve, until } = await fixture(t);
  const hold = (url: string) =>
    url.includes('&wait=') ? undefined : JSON.stringify(answer('a', 3, url === '/status'));
  const first = await serve(hold);
  await until(() => client.facts?.epoch === 'a');
  const before = client.facts;
  first.close();
  first.closeAllConnections();
  await serve(hold);
  await until(() => client.facts !== before);
  assert.equal(client.facts?.change, 3);
});

test('an answer in part of an unknown process makes it ask for everything', async (t) => {
  const { client, serve, until } = await fixture(t);
  let count = 0;
  await serve((url) => {
    count += 1;
    if (count === 1) return JSON.stringify(answer('a', 3, true));
    if (count === 2) return JSON.stringify(answer('b', 9, false));
    return url === '/status' ? JSON.stringify(answer('b', 9, true)) : undefined;
  });
  await until(() => client.facts?.epoch === 'b');
});

test('a test yields its events; one that cannot be asked for throws', async (t) => {
  const { client, serve } = await fixture(t);
  const stop = new AbortController().signal;
  const events = async (): Promise<TestEvent[]> =>
    await Array.fromAsync(client.test({ uid: 'u', revision: 'r' }, stop));
  await assert.rejects(events(), { code: 'WorkerUnreachable', message: /does not listen yet/ });
  await serve((url) => (url === '/test' ? '{"type":"refused","message":"no"}\n' : undefined));
  assert.deepEqual(await events(), [{ type: 'refused', message: 'no' }]);
});

test('a worker whose keys are of another authority says so once, until both have keys of one', async (t) => {
  const validity = validityFrom(Date.now(), 86_400_000);
  const [before, now] = [await newAuthority('Before', validity), await newAuthority('Now', validity)];
  const server = await signServer(before, ['worker'], validity);
  const listener = createTlsServer({ cert: server.certificate, key: server.privateKey }, (request, response) => {
    request.resume();
    // Whatever else is asked is held back, as a worker does while nothing changes.
    if (request.url === '/status') response.end(JSON.stringify(answer('a', 1, true)));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const closing = new AbortController();
  t.after(() => {
    closing.abort();
    listener.close();
    listener.closeAllConnections();
  });
  let trusted = now;
  let calls = 0;
  const triedAgain = Promise.withResolvers<void>();
  let notices = 0;
  let told = Promise.withResolvers<void>();
  const own = await signClient(now, 'mailhold-operator', validity);
  const { port } = listener.address() as AddressInfo;
  const client = followWorker({
    endpoint: {
      host: '127.0.0.1',
      port,
      tls: () => {
        calls += 1;
        if (calls === 4) triedAgain.resolve();
        return { ca: trusted.certificate, cert: own.certificate, key: own.privateKey, servername: 'worker' };
      },
    },
    clock: systemClock,
    onFacts: () => {
      notices += 1;
      told.resolve();
    },
    signal: closing.signal,
  });
  await told.promise;
  assert.equal(client.lastError?.code, 'WorkerNotTrusted');
  told = Promise.withResolvers();
  await triedAgain.promise;
  assert.equal(notices, 1);
  trusted = before;
  await told.promise;
  assert.ok(client.facts);
  assert.equal(client.lastError, undefined);
});
