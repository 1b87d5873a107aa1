import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { test } from 'node:test';
import { createResolve } from './resolve.ts';

/** A name server: answers A questions with 192.0.2.7, AAAA ones with nothing, and names below `silent` not at all. */
async function startNameServer() {
  const socket = createSocket('udp4');
  socket.on('message', (question, peer) => {
    if (question.includes('silent')) return;
    const header = Buffer.from(question.subarray(0, 12));
    const type = question.readUInt16BE(question.indexOf(0, 12) + 1);
    const end = question.indexOf(0, 12) + 5;
    header.writeUInt16BE(0x8180, 2);
    header.writeUInt16BE(type === 1 ? 1 : 0, 6);
    header.fill(0, 8);
    const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    const answer = Buffer.concat([header, question.subarray(12, end), ...(type === 1 ? [record] : [])]);
    socket.send(answer, peer.port, peer.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  return {
    servers: [`127.0.0.1:${port}`],
    [Symbol.asyncDispose]: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

test('names that nobody answers for hold up no other name', async () => {
  await using server = await startNameServer();
  const resolve = createResolve({ servers: server.servers, timeoutMs: 500 });
  let ended = 0;
  const silent = Array.from({ length: 12 }, (_, n) =>
    resolve(`n${n}.silent.example`).then(
      () => assert.fail('nobody answered'),
      (error: { code?: string }) => {
        ended += 1;
        return error.code;
      },
    ),
  );
  assert.deepEqual(await resolve('imap.example'), ['192.0.2.7']);
  assert.ok((await resolve('localhost')).includes('127.0.0.1'));
  assert.equal(ended, 0, 'the silent ones were still being asked for');
  assert.deepEqual(new Set(await Promise.all(silent)), new Set(['ETIMEOUT']));
});
