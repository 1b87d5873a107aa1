import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ArchiveLog } from '../archive/log.ts';
import { type TestArchive, testArchive } from '../archive/test-archive.ts';
import { Client } from './testing/client.ts';
import { addressOf, entry, type Running, startReceiver } from './testing/receiver.ts';

/** Everything here goes over the wire into the real archive log and is read back. */
let archive: TestArchive;
let log: ArchiveLog;
let running: Running;

before(async () => {
  archive = await testArchive();
  log = await archive.open();
  running = await startReceiver([entry('a')], { log });
});
after(async () => {
  await running[Symbol.asyncDispose]();
  await archive[Symbol.asyncDispose]();
});

async function transaction(): Promise<Client> {
  const client = await Client.secure(running.port);
  await client.command('MAIL FROM:<>');
  await client.command(`RCPT TO:<${addressOf('a')}>`);
  return client;
}

async function newest(reply: string): Promise<Buffer> {
  const number = Number(/^250 2\.0\.0 Kept as \w+:(\d+)$/.exec(reply)?.[1]);
  const record = (await archive.read()).messages.find(({ metadata }) => metadata.number === number);
  assert.ok(record, reply);
  return archive.bytesOf(record);
}

/** By DATA, cut into pieces that leave one by one. */
async function byData(message: Buffer, pieces = 1): Promise<Buffer> {
  const client = await transaction();
  await client.command('DATA');
  const stuffed = message.toString('latin1').replaceAll(/(^|\r\n)\./g, '$1..');
  const wire = Buffer.from(`${stuffed}.\r\n`, 'latin1');
  const size = Math.ceil(wire.length / pieces);
  for (let at = 0; at < wire.length; at += size) {
    client.send(wire.subarray(at, at + size));
    await new Promise(setImmediate);
  }
  const { text } = await client.reply();
  client.destroy();
  return newest(text);
}

async function byChunks(message: Buffer, size: number): Promise<Buffer> {
  const client = await transaction();
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    client.send(`BDAT ${part.length}\r\n`);
    client.send(part);
    assert.equal((await client.reply()).code, 250);
  }
  const { text } = await client.command('BDAT 0 LAST');
  client.destroy();
  return newest(text);
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const everyByte = Buffer.from(Array.from({ length: 256 }, (_, i) => i));

/** All end in CRLF, so that DATA can carry them. */
const messages: [string, Buffer][] = [
  ['without Message-ID and Subject', bytes('From: a@b.org\r\n\r\nhello\r\n')],
  ['with neither headers nor body', bytes('\r\n')],
  ['of no bytes at all', bytes('')],
  ['of 20 bytes', bytes('A: b\r\n\r\n01234567890\r\n'.slice(0, 18).concat('\r\n'))],
  ['with 8-bit headers', bytes('Subject: Gr\xfc\xdfe \xff\xfe\r\n\r\nx\r\n')],
  ['with NULs', bytes('Subject: \0\r\n\r\n\0\0\0\r\n')],
  ['with bare LF', bytes('A: b\nC: d\n\nx\n.\n..\n\r\n')],
  ['with bare CR', bytes('A: b\rC: d\r\rx\r.\r..\r\r\n')],
  ['with lines of 1 MB', bytes(`${'x'.repeat(1_000_000)}\r\n.${'y'.repeat(1_000_000)}\r\n`)],
  ['of only dots', bytes('.\r\n..\r\n...\r\n'.repeat(2_000))],
  ['of every byte', Buffer.concat([everyByte, everyByte.toReversed(), bytes('\r\n')])],
  ['that looks like commands', bytes('MAIL FROM:<>\r\nRCPT TO:<x>\r\nDATA\r\n.\r\nQUIT\r\n')],
];
for (const [name, message] of messages) {
  test(`a message ${name} is kept byte for byte, by DATA and by BDAT`, async () => {
    assert.ok((await byData(message)).equals(message));
    assert.ok((await byChunks(message, Math.max(1, Math.ceil(message.length / 3)))).equals(message));
  });
}

test('a message may end without a line end, by BDAT', async () => {
  assert.equal((await byChunks(bytes('no line end'), 4)).toString(), 'no line end');
});

test('a dot at every border of the pieces that it is sent in', async () => {
  const message = bytes('.\r\n..\r\n.x\r\nx.\r\n\r\n.\r\n');
  for (let pieces = 1; pieces <= 30; pieces += 1) {
    assert.deepEqual(await byData(message, pieces), message, `in ${pieces} pieces`);
  }
});

const ends = [
  '\n.\n',
  '\n.\r\n',
  '\r\n.\n',
  '\r.\r',
  '\r.\r\n',
  '\r\n.\r',
  '\n.\r',
  '\r.\n',
  '\r\r\n.\r\r\n',
  '\r\n\0.\r\n',
  '\r\n.\0\r\n',
];
for (const end of ends) {
  test(`${JSON.stringify(end)} ends no message, so what follows it is no command`, async () => {
    const client = await transaction();
    await client.command('DATA');
    const smuggled = `MAIL FROM:<evil@x.org>\r\nRCPT TO:<${addressOf('a')}>\r\nDATA\r\nevil\r\n`;
    client.send(`real${end}${smuggled}.\r\nNOOP\r\n`);
    const stored = await newest((await client.reply()).text);
    // Only CRLF begins a line, so only there is a dot taken away.
    const content = end.replace('\r\n.', '\r\n');
    assert.equal(stored.toString('latin1'), `real${content}${smuggled}`);
    assert.equal((await client.reply()).text.slice(0, 9), '250 2.0.0');
    client.destroy();
  });
}

test('a command line cut by a bare LF is no two commands', async () => {
  const client = await Client.secure(running.port);
  client.send('MAIL FROM:<>\nRSET\r\nNOOP\r\n');
  assert.equal((await client.reply()).code, 500);
  assert.equal((await client.reply()).code, 250);
  assert.equal((await client.command(`RCPT TO:<${addressOf('a')}>`)).code, 503, 'there was no MAIL');
  client.destroy();
});
