import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { Registry } from 'prom-client';
import type { StatusAnswer } from './contract.ts';
import { createFactsBoard } from './facts-board.ts';
import { type LogFields, type Logger, silentLogger } from './logger.ts';
import { followStatusKeys } from './status-keys.ts';
import { startStatusServer } from './status-server.ts';
import { type Authority, createAuthority, type Issued } from './testing/authority.ts';
import { groupFacts } from './testing/group-facts.ts';
import { mountedKeys } from './testing/mounted-keys.ts';

const WORKER = 'default.mailhold.workers.mailhold.internal';
const authority = await createAuthority();
const server = (by = authority): Promise<Issued> => by.issue({ name: WORKER, usages: ['server'] });
const operator = (by = authority): Promise<Issued> => by.issue({ name: 'mailhold-operator', usages: ['client'] });

async function served(t: TestContext) {
  const ended = new AbortController();
  t.after(() => ended.abort());
  const lines: [event: string, fields: LogFields | undefined][] = [];
  const waiting = new Map<string, () => void>();
  const note = (event: string, fields?: LogFields): void => {
    lines.push([event, fields]);
    waiting.get(event)?.();
  };
  const logger: Logger = { ...silentLogger, info: note, warn: note };
  /** Resolves at the next line of this event. */
  const said = (event: string) => new Promise<void>((resolve) => waiting.set(event, resolve));
  const board = createFactsBoard('epoch-1', groupFacts({ ready: true }), {
    now: () => Date.UTC(2026, 0, 1),
    monotonic: () => 0,
  });
  const mounted = await mountedKeys(t);
  const start = async () => {
    const keys = await followStatusKeys(mounted.folder, logger, ended.signal);
    return startStatusServer({
      listen: { kind: 'tcp', address: '::', port: 0 },
      keys,
      board,
      registry: new Registry(),
      test: () => Promise.reject(new Error('no test here')),
      signal: ended.signal,
    });
  };
  return { board, lines, said, mounted, start };
}

interface Asking {
  port: number;
  as?: Issued | undefined;
  trust?: Authority;
  path?: string;
  agent?: Agent;
  maxVersion?: 'TLSv1.2';
}

/** Asks as the operator does. The answer, or the error of a connection that gave none. */
function ask({ port, as, trust = authority, path = '/status', agent, maxVersion }: Asking) {
  return new Promise<{ status: number; text: string; socket: TLSSocket } | { error: string }>((resolve) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path,
        agent: agent ?? false,
        servername: WORKER,
        ca: trust.certificate,
        ...(as !== undefined && { cert: as.certificate, key: as.privateKey }),
        ...(maxVersion !== undefined && { maxVersion }),
      },
      (response) => {
        let text = '';
        const socket = response.socket as TLSSocket;
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, socket }));
      },
    );
    asked.on('error', (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }));
    asked.end();
  });
}

async function factsFor(asking: Asking): Promise<StatusAnswer> {
  const answer = await ask(asking);
  assert.ok('text' in answer, 'it was answered');
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text) as StatusAnswer;
}

test('the operator gets the facts, over TLS 1.3', async (t) => {
  const { mounted, start } = await served(t);
  await mounted.mount(await server(), authority);
  const answer = await ask({ port: await start(), as: await operator() });
  assert.ok('socket' in answer);
  assert.equal(answer.socket.getProtocol(), 'TLSv1.3');
  assert.partialDeepStrictEqual(JSON.parse(answer.text), { epoch: 'epoch-1', complete: true });
});

const another = await createAuthority();
const strangers: [who: string, as: Promise<Issued> | undefined, maxVersion?: 'TLSv1.2'][] = [
  ['nobody: no certificate', undefined],
  ['the operator of another authority', operator(another)],
  ["a worker, with its server's certificate", server()],
  [
    "a worker's certificate in the name of the operator",
    authority.issue({ name: 'mailhold-operator', usages: ['server'] }),
  ],
  [
    'an operator whose time is over',
    authority.issue({ name: 'mailhold-operator', usages: ['client'], notAfter: new Date('2026-02-01T00:00:00Z') }),
  ],
  ['an operator that speaks TLS 1.2', operator(), 'TLSv1.2'],
];
for (const [who, issued, maxVersion] of strangers) {
  test(`no connection for ${who}`, async (t) => {
    const { mounted, start } = await served(t);
    await mounted.mount(await server(), authority);
    const port = await start();
    for (const path of ['/status', '/metrics', '/healthz']) {
      const answer = await ask({ port, as: await issued, path, ...(maxVersion && { maxVersion }) });
      assert.ok('error' in answer, `${path} was answered`);
    }
  });
}

const misnamed: [who: string, as: Promise<Issued>][] = [
  ['another name', authority.issue({ name: 'someone-else', usages: ['client'] })],
  ['a name that only begins so', authority.issue({ name: 'mailhold-operator-2', usages: ['client'] })],
  ['no usage at all', authority.issue({ name: 'mailhold-operator', usages: [] })],
];
for (const [who, issued] of misnamed) {
  test(`403 and nothing more for a certificate of our authority with ${who}`, async (t) => {
    const { mounted, start } = await served(t);
    await mounted.mount(await server(), authority);
    const port = await start();
    for (const path of ['/status', '/metrics', '/healthz']) {
      const answer = await ask({ port, as: await issued, path });
      assert.ok('status' in answer);
      assert.deepEqual([answer.status, answer.text], [403, 'only the operator is answered here\n']);
    }
  });
}

test('renewed keys serve the next handshake, while a question that waits is still answered', async (t) => {
  const { board, mounted, said, start } = await served(t);
  await mounted.mount(await server(), authority);
  const port = await start();
  const as = await operator();
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const { epoch, change } = await factsFor({ port, as, agent });
  const held = factsFor({ port, as, agent, path: `/status?epoch=${epoch}&since=${change}&wait=30000` });
  const renewed = said('status-keys-served');
  await mounted.mount(await server(another), another);
  await renewed;
  assert.ok('error' in (await ask({ port, as, trust: another })), 'the authority before signs no operator any more');
  const answer = await ask({ port, as: await operator(another), trust: another });
  assert.equal('status' in answer && answer.status, 200);
  board.updateGroup({ ready: false });
  assert.equal((await held).group.ready, false);
});

test('a TLS session is taken up again with the same keys, and not with those of another authority', async (t) => {
  const { mounted, said, start } = await served(t);
  await mounted.mount(await server(), authority);
  const port = await start();
  const { certificate: cert, privateKey: key } = await operator();
  const get = async (earlier?: Buffer) => {
    const options = { host: '127.0.0.1', servername: WORKER, rejectUnauthorized: false, cert, key };
    const socket = connect({ port, ...options, ...(earlier && { session: earlier }) });
    const seen = { text: '', reused: false, session: earlier };
    socket.on('secureConnect', () => {
      seen.reused = socket.isSessionReused();
    });
    socket.on('session', (session) => {
      seen.session = session;
    });
    socket.on('data', (chunk: Buffer) => {
      seen.text += chunk.toString('latin1');
    });
    // It is reset where the server refuses it; what it got is what counts.
    socket.on('error', () => socket.destroy());
    socket.write('GET /status HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    await once(socket, 'close');
    return seen;
  };
  const first = await get();
  const second = await get(first.session);
  assert.equal(second.reused, true);
  assert.match(second.text, /^HTTP\/1\.1 200 /);
  const renewed = said('status-keys-served');
  await mounted.mount(await server(another), another);
  await renewed;
  assert.equal((await get(second.session)).text, '');
});

test('it waits for keys, and says for what', async (t) => {
  const { lines, mounted, said, start } = await served(t);
  const port = start();
  await said('status-keys-awaited');
  assert.match(String(lines.at(-1)?.[1]?.why), /tls\.crt does not exist yet\.$/);
  await mounted.mount(await server(), authority);
  await factsFor({ port: await port, as: await operator() });
});

const [good, other] = await Promise.all([server(), server()]);
const unusable: [what: string, files: Issued, why: RegExp][] = [
  ['a key of another certificate', { ...good, privateKey: other.privateKey }, /./],
  ['half a certificate', { ...good, certificate: good.certificate.slice(0, 200) }, /a file does not hold the PEM/],
  ['nothing', { certificate: '', privateKey: '' }, /a file does not hold the PEM/],
];
for (const [what, files, why] of unusable) {
  test(`the keys before go on serving where the new ones are ${what}`, async (t) => {
    const { lines, mounted, said, start } = await served(t);
    await mounted.mount(good, authority);
    const port = await start();
    const kept = said('status-keys-kept');
    await mounted.mount(files, authority);
    await kept;
    assert.match(String(lines.at(-1)?.[1]?.why), why);
    await factsFor({ port, as: await operator() });
    const renewed = said('status-keys-served');
    await mounted.mount(other, authority);
    await renewed;
    await factsFor({ port, as: await operator() });
  });
}

test('calls one after the other use one connection', async (t) => {
  const { mounted, start } = await served(t);
  await mounted.mount(await server(), authority);
  const port = await start();
  const as = await operator();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const sockets = new Set<unknown>();
  for (let call = 0; call < 50; call += 1) {
    const answer = await ask({ port, as, agent });
    assert.ok('socket' in answer);
    sockets.add(answer.socket);
  }
  assert.equal(sockets.size, 1);
});

test('clear text on the port of the status is not answered', async (t) => {
  const { mounted, start } = await served(t);
  await mounted.mount(await server(), authority);
  const socket = connectTcp(await start(), '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.write('GET /status HTTP/1.1\r\nhost: x\r\n\r\n');
  await once(socket, 'close');
  assert.doesNotMatch(text, /HTTP/);
});
