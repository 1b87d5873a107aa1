import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { test } from 'node:test';
import { testArchive } from '../archive/test-archive.ts';
import { Client } from './testing/client.ts';
import { memoryLog } from './testing/memory-log.ts';
import { addressOf, entry, eventually, localPart, movableClock, startReceiver } from './testing/receiver.ts';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

test('a journal report over STARTTLS is in the archive, byte for byte, when 250 comes', async () => {
  await using archive = await testArchive();
  const log = await archive.open();
  await using running = await startReceiver([entry('journal')], { log });
  const client = await Client.secure(running.port, 'mail.contoso.com');
  const recipient = addressOf('journal').toUpperCase();
  const reply = await client.transaction([recipient], 'Subject: x\r\n\r\n..dot\r\n.\r\n');
  assert.match(reply, new RegExp(`^250 2\\.0\\.0 Kept as ${log.writer.slice(0, 8)}:1$`));
  const { messages, findings } = await archive.read();
  assert.deepEqual(findings, []);
  const [record] = messages;
  assert.ok(record);
  assert.equal((await archive.bytesOf(record)).toString(), 'Subject: x\r\n\r\n.dot\r\n');
  assert.equal((await client.command('QUIT')).code, 221);
  await client.closed();
  client.destroy();
  const facts = running.board.get('journal')?.facts;
  assert.partialDeepStrictEqual(facts?.counts, { begun: 1, stored: 1, storedBytes: 20, cut: 0 });
  await eventually(() => running.lines.some((line) => line.event === 'session-ended'), 'the session has its line');
  const line = running.lines.find(({ event }) => event === 'message-stored')?.fields;
  assert.partialDeepStrictEqual(line, {
    connections: ['contoso/journal'],
    peer: '127.0.0.1',
    bytes: 20,
    sha256: sha256(Buffer.from('Subject: x\r\n\r\n.dot\r\n')),
    position: `${log.writer}:1`,
    reply,
  });
});

test('what the envelope says of a message', async () => {
  await using running = await startReceiver([entry('a'), entry('b', { generation: 3 })]);
  const client = await Client.secure(running.port, 'mail.contoso.com', { maxVersion: 'TLSv1.2' });
  await client.command('MAIL FROM:<> SIZE=3 BODY=8BITMIME');
  await client.command(`RCPT TO:<${addressOf('a')}>`);
  await client.command(`RCPT TO:<${addressOf('b')}>`);
  await client.command(`RCPT TO:<"${localPart('a')}"@in.archive.example.com>`);
  await client.command('DATA');
  client.send('x\r\n.\r\n');
  assert.equal((await client.reply()).code, 250);
  const [kept] = running.log.kept;
  assert.partialDeepStrictEqual(kept?.envelope, {
    targets: [
      { uid: 'a', namespace: 'contoso', name: 'a', generation: 1 },
      { uid: 'b', namespace: 'contoso', name: 'b', generation: 3 },
    ],
    retention: 'mail',
    capture: {
      kind: 'smtp',
      peer: { address: '127.0.0.1' },
      helo: 'mail.contoso.com',
      tls: { version: 'TLSv1.2', cipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256' },
      mailFrom: '',
      rcptTo: [addressOf('a'), addressOf('b'), `"${localPart('a')}"@in.archive.example.com`],
    },
  });
  assert.equal(running.board.get('b')?.facts.counts.stored, 1);
  client.destroy();
});

test('a whole session in one packet is answered in order, replies gathered', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await Client.secure(running.port);
  const rcpt = `RCPT TO:<${addressOf('a')}>\r\n`;
  client.send(
    `MAIL FROM:<>\r\n${rcpt}BDAT 5 LAST\r\nHelloMAIL FROM:<>\r\n${rcpt}BDAT 2\r\nHiBDAT 0 LAST\r\nNOOP\r\nQUIT\r\n`,
  );
  const codes: string[] = [];
  for (let i = 0; i < 9; i += 1) codes.push((await client.reply()).text.slice(0, 9));
  await client.closed();
  assert.deepEqual(codes, [
    ...['250 2.1.0', '250 2.1.5', '250 2.0.0'],
    ...['250 2.1.0', '250 2.1.5', '250 2.0.0', '250 2.0.0'],
    ...['250 2.0.0', '221 2.0.0'],
  ]);
  assert.deepEqual(
    running.log.kept.map(({ bytes }) => bytes.toString()),
    ['Hello', 'Hi'],
  );
});

test('several messages in a session, and input that waits behind a commit keeps its order', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await Client.secure(running.port);
  await client.transaction([addressOf('a')], 'one\r\n.\r\n');
  running.log.hold();
  await client.command('MAIL FROM:<>');
  await client.command(`RCPT TO:<${addressOf('a')}>`);
  await client.command('DATA');
  client.send(`two\r\n.\r\nNOOP\r\nMAIL FROM:<>\r\n`);
  client.send(`RCPT TO:<${addressOf('a')}>\r\nDATA\r\n`);
  running.log.release();
  assert.match((await client.reply()).text, /^250 2.0.0 Kept as memory:2/);
  for (const code of [250, 250, 250, 354]) assert.equal((await client.reply()).code, code);
  client.send('three\r\n.\r\n');
  assert.match((await client.reply()).text, /memory:3/);
  client.destroy();
});

test('a client that closes its side behind the last dot gets its 250, over TLS too', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await Client.secure(running.port);
  running.log.hold();
  await client.command('MAIL FROM:<>');
  await client.command(`RCPT TO:<${addressOf('a')}>`);
  await client.command('DATA');
  client.socket.end('x\r\n.\r\n');
  await once(client.socket, 'finish');
  setImmediate(() => running.log.release());
  assert.equal((await client.reply()).code, 250);
  await client.closed();
  assert.equal(running.log.kept.length, 1);
});

test('a connection cut in the middle of DATA or BDAT leaves nothing, and is counted', async () => {
  await using archive = await testArchive();
  await using running = await startReceiver([entry('a')], { log: await archive.open() });
  for (const begin of [
    'DATA\r\nhalf a message\r\n.',
    'BDAT 100\r\nhalf a chunk',
    'BDAT 4\r\nhalfBDAT 9 LAST\r\nmessage',
  ]) {
    const client = await Client.secure(running.port);
    await client.command('MAIL FROM:<>');
    await client.command(`RCPT TO:<${addressOf('a')}>`);
    const before = running.board.get('a')?.facts.counts.begun ?? 0;
    client.send(begin);
    await eventually(() => running.board.get('a')?.facts.counts.begun === before + 1, 'the message has begun');
    client.destroy();
  }
  await eventually(() => running.board.get('a')?.facts.counts.cut === 3, 'all three are counted');
  assert.partialDeepStrictEqual(running.board.get('a')?.facts.counts, { begun: 3, stored: 0, cut: 3 });
  assert.deepEqual((await archive.read()).messages, []);
});

for (const [how, input, content] of [
  ['DATA', 'DATA\r\nabc\r\n.\r\n', 'abc\r\n'],
  ['BDAT', 'BDAT 3 LAST\r\nabc', 'abc'],
] as const) {
  test(`a connection cut between the end of ${how} and 250: the message is stored and counted`, async () => {
    await using running = await startReceiver([entry('a')]);
    running.log.hold();
    const client = await Client.secure(running.port);
    await client.command('MAIL FROM:<>');
    await client.command(`RCPT TO:<${addressOf('a')}>`);
    client.send(input);
    await eventually(() => running.board.get('a')?.facts.counts.begun === 1, 'the message came');
    client.reset();
    await eventually(() => running.lines.some(({ event }) => event === 'session-ended'), 'the session is over');
    running.log.release();
    await eventually(() => running.board.get('a')?.facts.counts.stored === 1, 'it is stored');
    assert.partialDeepStrictEqual(running.board.get('a')?.facts.counts, { begun: 1, stored: 1, cut: 0 });
    assert.equal(running.log.kept[0]?.bytes.toString(), content);
  });
}

test('bytes behind STARTTLS are not taken into the encrypted session', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await Client.connect(running.port);
  await client.reply();
  await client.command('EHLO x');
  client.send('STARTTLS\r\nEHLO injected\r\nMAIL FROM:<>\r\n');
  assert.equal((await client.reply()).text.slice(0, 9), '501 5.5.1');
  await client.closed();
});

test('after the handshake the peer must say EHLO again, and STARTTLS is offered no more', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await Client.connect(running.port);
  assert.equal((await client.reply()).code, 220);
  assert.ok((await client.command('EHLO x')).lines.includes('250-STARTTLS'));
  await client.startTls();
  assert.equal((await client.command('MAIL FROM:<>')).code, 503);
  const { lines } = await client.command('EHLO x');
  assert.deepEqual(
    lines.map((line) => line.slice(4)),
    [
      ...['in.archive.example.com', 'PIPELINING', 'SIZE 10485760', '8BITMIME', 'BINARYMIME', 'CHUNKING'],
      ...['SMTPUTF8', 'ENHANCEDSTATUSCODES'],
    ],
  );
  assert.equal((await client.command('STARTTLS')).code, 503);
  client.destroy();
});

test('the log may make a session wait in the middle of a body, and refuse it then', async () => {
  const log = memoryLog();
  await using running = await startReceiver([entry('a')], { log });
  const client = await Client.secure(running.port);
  const message = randomBytes(300_000).toString('base64');
  log.starve();
  await client.command('MAIL FROM:<>');
  await client.command(`RCPT TO:<${addressOf('a')}>`);
  await client.command('DATA');
  client.send(`${message}\r\n.\r\n`);
  setImmediate(() => log.feed());
  assert.equal((await client.reply()).code, 250);
  assert.equal(log.kept[0]?.bytes.toString('latin1'), `${message}\r\n`);
  client.destroy();
});

test('a peer that sends commands and reads no replies is not read from any more, and so runs out of time', async () => {
  const clock = movableClock();
  await using running = await startReceiver([entry('a')], { clock, options: { sweepMs: 5 } });
  const client = await Client.secure(running.port);
  client.socket.pause();
  const { socket } = client;
  const ended = once(socket, 'close');
  const time = setInterval(() => clock.advance(60_000), 20);
  const commands = Buffer.from(`MAIL FROM:<>\r\nRCPT TO:<${addressOf('a')}>\r\nRSET\r\n`.repeat(500));
  while (!socket.destroyed) {
    if (!socket.write(commands)) await Promise.race([once(socket, 'drain'), ended]);
  }
  clearInterval(time);
  await eventually(() => running.lines.some(({ event }) => event === 'session-ended'), 'the session is over');
  assert.equal(running.lines.find(({ event }) => event === 'session-ended')?.fields.end, 'timeout');
});

test('shutdown: idle sessions get 421, a message on its way is finished, nothing more is accepted', async () => {
  await using running = await startReceiver([entry('a')]);
  const { port } = running;
  const idle = await Client.secure(port);
  const busy = await Client.secure(port);
  await busy.command('MAIL FROM:<>');
  await busy.command(`RCPT TO:<${addressOf('a')}>`);
  await busy.command('DATA');
  const stopped = running.receiver.stop(new AbortController().signal);
  assert.equal((await idle.reply()).text.slice(0, 9), '421 4.3.2');
  await idle.closed();
  idle.destroy();
  busy.send('late\r\n.\r\n');
  assert.equal((await busy.reply()).code, 250);
  assert.equal((await busy.reply()).text.slice(0, 9), '421 4.3.2');
  busy.destroy();
  await stopped;
  await assert.rejects(Client.connect(port), { code: 'ECONNREFUSED' });
});

test('shutdown does not wait longer than its grace for a message that does not end', async () => {
  await using running = await startReceiver([entry('a')]);
  const client = await Client.secure(running.port);
  await client.command('MAIL FROM:<>');
  await client.command(`RCPT TO:<${addressOf('a')}>`);
  await client.command('DATA');
  const grace = new AbortController();
  const stopped = running.receiver.stop(grace.signal);
  client.send('never ends');
  grace.abort();
  await stopped;
  assert.deepEqual(running.log.kept, []);
  client.destroy();
});
