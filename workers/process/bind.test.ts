import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, Server } from 'node:net';
import { test } from 'node:test';
import { bind } from './bind.ts';

/** The address by which a server sees a client that connects to `host`. */
async function seenAs(server: Server, host: string, port: number): Promise<string | undefined> {
  const accepted = once(server, 'connection');
  const client = connect({ host, port });
  const [socket] = await accepted;
  client.destroy();
  return socket.remoteAddress;
}

test('on :: IPv4 is taken too', async (t) => {
  const server = createServer();
  t.after(() => server.close());
  const port = await bind(server, { kind: 'tcp', address: '::', port: 0 }, 'The test');
  assert.equal(await seenAs(server, '127.0.0.1', port), '::ffff:127.0.0.1');
  assert.equal(await seenAs(server, '::1', port), '::1');
});

test('a port in use is told in a sentence', async (t) => {
  const first = createServer();
  t.after(() => first.close());
  const port = await bind(first, { kind: 'tcp', address: '::', port: 0 }, 'The test');
  await assert.rejects(bind(createServer(), { kind: 'tcp', address: '::', port }, 'The second'), {
    code: 'ListenFailed',
    message: `The second cannot listen on [::]:${port}: it is in use.`,
  });
});

// A fake, since a running kernel cannot be made to lose IPv6: it answers as one with `ipv6.disable=1`.
class WithoutIPv6 extends Server {
  override listen(...args: unknown[]): this {
    const [options] = args as [{ host: string }];
    if (!options.host.includes(':')) return super.listen(options);
    process.nextTick(() => this.emit('error', Object.assign(new Error('listen'), { code: 'EAFNOSUPPORT' })));
    return this;
  }
}

test('without IPv6 in the kernel :: is 0.0.0.0', async (t) => {
  const server = new WithoutIPv6();
  t.after(() => server.close());
  const port = await bind(server, { kind: 'tcp', address: '::', port: 0 }, 'The test');
  assert.equal(await seenAs(server, '127.0.0.1', port), '127.0.0.1');
});

test('without IPv6 an address of it is a fault', async () => {
  await assert.rejects(bind(new WithoutIPv6(), { kind: 'tcp', address: '::1', port: 0 }, 'The test'), {
    code: 'ListenFailed',
  });
});
