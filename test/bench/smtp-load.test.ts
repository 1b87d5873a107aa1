import assert from 'node:assert/strict';
import { test } from 'node:test';
import { selfSignedCertificate } from '../../operator/runtime/certificates/self-signed.ts';
import { startDiscardServer } from './discard-server.ts';
import { buildTemplate, readId, writeId } from './messages.ts';
import { startLoadGenerator } from './smtp-load.ts';

const HOST = 'bench.example';

function certificate() {
  return selfSignedCertificate(HOST, Date.now() - 86_400_000, Date.now() + 86_400_000);
}

test('messages have exactly the length asked for, whatever it is', () => {
  for (const bytes of [400, 401, 477, 478, 479, 480, 481, 10_240, 10_241, 76_800]) {
    const { content, wire } = buildTemplate(bytes, 3);
    assert.equal(content.length, bytes);
    assert.equal(content.toString('latin1').endsWith('\r\n'), true);
    const unstuffed = wire.toString('latin1').slice(0, -3).replaceAll('\r\n.', '\r\n');
    assert.equal(unstuffed, content.toString('latin1'), `${bytes} bytes`);
  }
  assert.throws(() => buildTemplate(100, 1), RangeError);
});

test('a seed gives the same bytes each time, another seed others', () => {
  assert.deepEqual(buildTemplate(2_000, 5), buildTemplate(2_000, 5));
  assert.notDeepEqual(buildTemplate(2_000, 5).content, buildTemplate(2_000, 6).content);
});

test('an id is written in place and read back', () => {
  const { content } = buildTemplate(1_000, 1);
  const length = content.length;
  const id = { run: 65_535, connection: 49, sequence: 4_294_967_297 };
  writeId(content, id);
  assert.deepEqual(readId(content), id);
  assert.equal(content.length, length);
  assert.equal(readId(Buffer.from('Subject: no message of ours\r\n\r\n')), undefined);
});

for (const pipelining of [false, true]) {
  test(`each message arrives exactly and once, ${pipelining ? 'pipelined' : 'one command at a time'}`, async () => {
    const { certificate: pem, privateKey } = await certificate();
    const arrived: Buffer[] = [];
    await using server = await startDiscardServer({
      certificate: pem,
      privateKey,
      onMessage: (wire) => arrived.push(wire),
    });
    await using generator = startLoadGenerator();
    const result = await generator.run({
      host: '127.0.0.1',
      port: server.port,
      certificate: pem,
      serverName: HOST,
      recipient: 'r@bench.example',
      messageBytes: 5_000,
      pipelining,
      run: 7,
      connections: 3,
      warmupMs: 50,
      measureMs: 150,
    });
    const total = result.acknowledged.reduce((sum, count) => sum + count, 0);
    assert.ok(total > 3 && result.measured > 0 && result.measured <= total);
    assert.ok(result.cores > 0 && result.p50 > 0 && result.p99 >= result.p50);
    assert.equal(arrived.length, total);
    const seen = new Set<string>();
    for (const wire of arrived) {
      const id = readId(wire);
      assert.ok(id !== undefined && id.run === 7);
      assert.ok(id.sequence < (result.acknowledged[id.connection] ?? 0));
      seen.add(`${id.connection} ${id.sequence}`);
      const expected = buildTemplate(5_000, id.connection).wire;
      writeId(expected, id);
      assert.ok(wire.equals(expected));
    }
    assert.equal(seen.size, total);
  });
}

test('a server that refuses makes the run fail', async () => {
  const { certificate: pem, privateKey } = await certificate();
  await using server = await startDiscardServer({ certificate: pem, privateKey });
  await using generator = startLoadGenerator();
  const options = {
    host: '127.0.0.1',
    port: server.port,
    certificate: pem,
    serverName: 'another.example',
    recipient: 'r@bench.example',
    messageBytes: 1_000,
    pipelining: false,
    run: 1,
    connections: 1,
    warmupMs: 1,
    measureMs: 10,
  };
  await assert.rejects(generator.run(options), /does not match certificate/);
});
