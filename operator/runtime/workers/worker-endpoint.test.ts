import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { newAuthority, signClient, signServer } from '../certificates/authority.ts';
import { validityFrom } from '../certificates/life.ts';
import type { KeyPair } from '../certificates/sign-certificate.ts';
import { toWorkerCallError } from './worker-call-error.ts';
import { readAnswer, readLines, type WorkerTls, workerCalls } from './worker-endpoint.ts';

// The server here is a stand-in that counts its handshakes and breaks off at will. With real workers in pods the same
// calls are shown in the tests of the cluster.

const NAME = 'edge.mail.workers.mailhold.internal';
const validity = validityFrom(Date.now(), 86_400_000);
const authority = await newAuthority('Mailhold workers', validity);
const stranger = await newAuthority('Somebody else', validity);
const operator = await signClient(authority, 'mailhold-operator', validity);
const never = new AbortController().signal;

function shows(client: KeyPair, more: Partial<WorkerTls> = {}): WorkerTls {
  return { ca: authority.certificate, cert: client.certificate, key: client.privateKey, servername: NAME, ...more };
}

async function fixture(
  t: TestContext,
  options: { names?: string[]; handle?: (request: IncomingMessage, response: ServerResponse) => void } = {},
) {
  const pair = await signServer(authority, options.names ?? [NAME], validity);
  const shown = { tls: shows(operator), handshakes: 0, versions: new Set<string | null>(), peers: new Set<string>() };
  const server: Server = createServer(
    { cert: pair.certificate, key: pair.privateKey, ca: authority.certificate, requestCert: true },
    options.handle ?? ((_request, response) => response.end('told')),
  );
  server.on('secureConnection', (socket: TLSSocket) => {
    shown.handshakes += 1;
    shown.versions.add(socket.getProtocol());
    shown.peers.add(socket.getPeerCertificate().fingerprint256);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const calls = workerCalls({ host: '127.0.0.1', port, tls: () => shown.tls });
  t.after(() => {
    calls[Symbol.dispose]();
    server.close();
    server.closeAllConnections();
  });
  const ask = async (): Promise<string> => readAnswer(await calls.open('GET', '/status', never), calls.where);
  const refused = async (): Promise<string> => {
    const error = await ask().then(
      () => assert.fail('the call went through'),
      (cause: unknown) => toWorkerCallError(cause, calls.where),
    );
    return `${error.code}: ${error.message}`;
  };
  return { shown, calls, server, ask, refused, port };
}

test('many calls share one handshake, over TLS 1.3', async (t) => {
  const { shown, ask } = await fixture(t);
  for (let call = 0; call < 20; call += 1) assert.equal(await ask(), 'told');
  assert.equal(shown.handshakes, 1);
  assert.deepEqual([...shown.versions], ['TLSv1.3']);
});

test('a long poll that waits does not hold up other calls', async (t) => {
  const { calls, ask } = await fixture(t, {
    handle: (request, response) => {
      if (request.url === '/status') response.end('told');
    },
  });
  const leave = new AbortController();
  const held = calls.open('GET', '/held', leave.signal);
  assert.equal(await ask(), 'told');
  leave.abort();
  await assert.rejects(held, { name: 'AbortError' });
});

test('renewed keys are shown from the next call on', async (t) => {
  const { shown, ask } = await fixture(t);
  await ask();
  shown.tls = shows(await signClient(authority, 'mailhold-operator', validity));
  await ask();
  assert.deepEqual([shown.handshakes, shown.peers.size], [2, 2]);
});

test('a worker with the name of another gateway, or of another authority, is not asked', async (t) => {
  const other = await fixture(t, { names: ['other.mail.workers.mailhold.internal'] });
  assert.match(await other.refused(), /^WorkerNotTrusted: .*127\.0\.0\.1:.*ERR_TLS_CERT_ALTNAME_INVALID/);
  const { shown, refused } = await fixture(t);
  shown.tls = shows(operator, { ca: stranger.certificate });
  assert.match(await refused(), /^WorkerNotTrusted: /);
});

test('an operator that the worker does not trust hears so', async (t) => {
  const { shown, refused } = await fixture(t);
  shown.tls = shows(await signClient(stranger, 'mailhold-operator', validity));
  assert.match(await refused(), /^WorkerNotTrusted|^WorkerUnreachable: .*ended the connection/);
});

test('an idle connection that the worker ends just when it is asked again costs no call', async (t) => {
  const used = new WeakSet<object>();
  const { ask, shown } = await fixture(t, {
    handle: ({ socket }, response) => {
      if (used.has(socket)) socket.destroy();
      else response.end('told');
      used.add(socket);
    },
  });
  for (let call = 0; call < 5; call += 1) assert.equal(await ask(), 'told');
  assert.equal(shown.handshakes, 5);
});

test('what can go wrong with an answer is told', async (t) => {
  const { calls, refused } = await fixture(t, {
    handle: (request, response) => {
      if (request.url === '/lines') {
        response.write('one\ntw');
        setImmediate(() => request.socket.destroy());
      } else response.writeHead(503).end('busy');
    },
  });
  assert.match(await refused(), /^UnexpectedAnswer: .* HTTP status 503\.$/);
  const lines: string[] = [];
  await assert.rejects(
    async () => {
      for await (const line of readLines(await calls.open('GET', '/lines', never), calls.where)) lines.push(line);
    },
    { code: 'ECONNRESET' },
  );
  assert.deepEqual(lines, ['one']);
});

test('a worker that is not there, or does not answer in time, is told so', async (t) => {
  const { calls, server, refused } = await fixture(t, { handle: () => undefined });
  const late = await calls.open('GET', '/status', AbortSignal.timeout(50)).catch((error: unknown) => error);
  assert.match(toWorkerCallError(late, calls.where).message, /did not answer in time/);
  server.close();
  server.closeAllConnections();
  assert.match(await refused(), /^WorkerUnreachable: .*Nothing listens there/);
});

test('the lines of an answer come whole, however they are cut', async (t) => {
  const { calls } = await fixture(t, {
    handle: (_request, response) => {
      response.write('{"a":"\u00e4"}\n{"b"');
      setImmediate(() => response.end(':2}\nlast'));
    },
  });
  const lines = await Array.fromAsync(readLines(await calls.open('POST', '/test', never, '{}'), calls.where));
  assert.deepEqual(lines, ['{"a":"\u00e4"}', '{"b":2}', 'last']);
});
