import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ArchiveLog, Stored } from '../workers/archive/log.ts';
import { envelope, testArchive } from '../workers/archive/test-archive.ts';
import { main } from './main.ts';
import { type CapturedIo, type CapturedOptions, capturedIo } from './testing/captured-io.ts';

/** Two writers wrote these, the second one from the third on, and the last is a canary. */
const MESSAGES = [
  { connection: 'journal', at: '2026-11-22T12:00:00.000Z', text: 'Subject: one\r\n\r\nfirst\r\n' },
  { connection: 'mailbox', at: '2026-11-20T12:00:00.000Z', text: 'Subject: two\r\n\r\n\0 and \xff, no line end' },
  { connection: 'journal', at: '2026-11-21T12:00:00.000Z', text: 'Subject: \x1b[31mthree\r\n\r\n.\r\n..\r\n' },
  { connection: 'canary', at: '2026-11-23T12:00:00.000Z', text: 'Subject: canary\r\n\r\n' },
].map((it) => ({ ...it, bytes: Buffer.from(it.text, 'latin1') }));

interface Scene {
  folder: string;
  stored: Stored[];
  run(args: string[], options?: CapturedOptions): Promise<CapturedIo & { code: number }>;
}

async function archiveScene(t: TestContext): Promise<Scene> {
  const archive = await testArchive();
  t.after(() => archive[Symbol.asyncDispose]());
  const first = await archive.open({ writer: 'a'.repeat(32) });
  const second = await archive.open({ writer: 'b'.repeat(32) });
  const stored: Stored[] = [];
  const append = async (log: ArchiveLog, message: (typeof MESSAGES)[number]): Promise<void> => {
    const { connection: name, at, bytes } = message;
    stored.push(
      await log.append(bytes, {
        ...envelope,
        targets: [{ uid: name, namespace: 'contoso', name, generation: 1 }],
        retention: name === 'canary' ? 'canary' : 'mail',
        receivedAt: at,
      }),
    );
  };
  for (const [index, message] of MESSAGES.entries()) await append(index < 2 ? first : second, message);
  for (const log of [first, second]) await log.close();
  return {
    folder: archive.folder,
    stored,
    run: async (args, options) => {
      const io = capturedIo(options);
      const code = await main(['archive', ...args], io);
      return Object.assign(io, { code });
    },
  };
}

test('ls shows the newest last, without canaries, and takes filters', async (t) => {
  const { folder, stored, run } = await archiveScene(t);
  const digests = stored.map(({ sha256 }) => sha256.slice(0, 12));
  const all = await run(['ls', folder]);
  assert.equal(all.code, 0);
  assert.deepEqual(
    all
      .out()
      .split('\n')
      .map((line) => line.split(/ {3,}/)),
    [
      ['POSITION', 'RECEIVED', 'CONNECTION', 'BYTES', 'FROM', 'DIGEST'],
      ['aaaaaaaa:2', '2026-11-20T12:00:00Z', 'contoso/mailbox', '36', '192.0.2.1 <>', digests[1]],
      ['bbbbbbbb:1', '2026-11-21T12:00:00Z', 'contoso/journal', '30', '192.0.2.1 <>', digests[2]],
      ['aaaaaaaa:1', '2026-11-22T12:00:00Z', 'contoso/journal', '23', '192.0.2.1 <>', digests[0]],
      [''],
    ],
  );
  const shown = async (...filters: string[]): Promise<string[]> =>
    (await run(['ls', folder, '-o', 'json', ...filters]))
      .out()
      .trim()
      .split('\n')
      .map((line) => (line === '' ? '' : `${JSON.parse(line).receivedAt}`.slice(0, 10)));
  assert.deepEqual(await shown('--connection', 'contoso/journal'), ['2026-11-21', '2026-11-22']);
  assert.deepEqual(await shown('--since', '2026-11-21'), ['2026-11-21', '2026-11-22']);
  assert.deepEqual(await shown('--until', '2026-11-21'), ['2026-11-20']);
  assert.deepEqual(await shown('--limit', '1'), ['2026-11-22']);
  assert.deepEqual(await shown('--canaries', '--limit', '1'), ['2026-11-23']);
  assert.deepEqual(await shown('--since', '2030-01-01'), ['']);
  const cut = await run(['ls', folder, '--limit', '1']);
  assert.match(cut.err(), /^2 older ones are not shown/);
});

test('cat gives back every byte, by position and by digest', async (t) => {
  const { folder, stored, run } = await archiveScene(t);
  for (const [index, { position, sha256 }] of stored.entries()) {
    const expected = MESSAGES[index]?.bytes;
    const { writer, number } = position;
    for (const reference of [`${writer}:${number}`, `${writer.slice(0, 3)}:${number}`, sha256, sha256.slice(0, 10)]) {
      const io = await run(['cat', folder, reference]);
      assert.equal(io.code, 0, io.err());
      assert.deepEqual(io.bytes(), expected, reference);
    }
  }
});

test('what names no message, or more than one, is refused', async (t) => {
  const { folder, run } = await archiveScene(t);
  const cases: [reference: string, why: RegExp][] = [
    ['aaaa:3', /No message in this archive is aaaa:3/],
    ['cccc:1', /No message in this archive/],
    ['0000000000', /No message in this archive/],
    ['abc', /neither WRITER:NUMBER nor at least 4 hexadecimal digits/],
    ['<id@example.com>', /neither WRITER:NUMBER nor/],
  ];
  for (const [reference, why] of cases) {
    const io = await run(['cat', folder, reference]);
    assert.equal(io.code, 1);
    assert.match(io.err(), why);
    assert.equal(io.bytes().length, 0);
  }
});

test('a digest that two messages begin with is refused; the same bytes stored twice are one message', async (t) => {
  await using archive = await testArchive();
  const log = await archive.open();
  // Of 700 digests, two begin with the same four digits (birthday: 0.976), and all of them are looked at.
  const digests: string[] = [];
  for (let n = 0; n < 700; n += 1) digests.push((await log.append(Buffer.from(`${n}`), envelope)).sha256);
  const twin = digests.find((one) => digests.some((other) => other !== one && other.slice(0, 4) === one.slice(0, 4)));
  assert.ok(twin, 'the digests of fixed texts are fixed');
  await log.append(Buffer.from('0'), envelope);
  await log.close();
  const run = async (reference: string) => {
    const io = capturedIo();
    return { code: await main(['archive', 'cat', archive.folder, reference], io), out: io.out(), err: io.err() };
  };
  const ambiguous = await run(twin.slice(0, 4));
  assert.deepEqual([ambiguous.code, ambiguous.out], [1, '']);
  assert.match(ambiguous.err, /names more than one message; give more of it/);
  assert.deepEqual(await run(digests[0] ?? ''), { code: 0, out: '0', err: '' });
  t.diagnostic(`ambiguous: ${twin.slice(0, 4)}`);
});

test('show tells how a message came, and what is in it, without letting it steer the terminal', async (t) => {
  const { folder, stored, run } = await archiveScene(t);
  const io = await run(['show', folder, stored[2]?.sha256 ?? ''], { terminal: { columns: 80, rows: 24 } });
  assert.equal(io.code, 0, io.err());
  assert.match(io.out(), /contoso\/journal/);
  assert.match(io.out(), /192\.0\.2\.1 \(mail\.example\.com\), TLSv1\.3/);
  assert.match(io.out(), /Subject:\S* .*three/);
  assert.ok(!io.out().includes('\u001b[31mthree'));
});

test('verify agrees with an archive that is whole', async (t) => {
  const { folder, run } = await archiveScene(t);
  const io = await run(['verify', folder]);
  assert.equal(io.code, 0, io.out());
  assert.match(io.out(), /^4 messages \(0\.0 MB\) and \d+ events in \d+\.\d s: every digest agrees\n$/);
});

test('verify names the record in which a bit was flipped, and cat refuses its bytes', async (t) => {
  const { folder, run } = await archiveScene(t);
  const path = join(folder, 'hot', 'a'.repeat(32), '0000001.warc');
  const offset = (await readFile(path)).indexOf('first\r\n');
  const file = await open(path, 'r+');
  await file.write('F', offset);
  await file.close();
  const io = await run(['verify', folder, '-o', 'json']);
  assert.equal(io.code, 1);
  const [found, sums] = io
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(found.position, `${'a'.repeat(32)}:1`);
  assert.equal(sums.bad, 1);
  const text = await run(['verify', folder]);
  assert.match(text.out(), /^bad a{32}:1 in hot\/a{32}\/0000001\.warc at byte \d+: .*digest/);
  const cat = await run(['cat', folder, 'aaaa:1']);
  assert.equal(cat.code, 1);
  assert.match(cat.err(), /not the bytes that were received/);
});

test('a folder that is no archive is called that', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-cli-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'mailhold.json');
  const cases: [identity: string | undefined, why: RegExp][] = [
    [undefined, /is no archive of Mailhold: it has no mailhold\.json/],
    ['{}', /mailhold\.json in the archive folder is not Mailhold's/],
    ['{"format": 99, "archiveId": "x"}', /has format 99, which is newer than this Mailhold/],
  ];
  for (const [identity, why] of cases) {
    if (identity !== undefined) await writeFile(file, identity);
    for (const command of [
      ['ls', folder],
      ['verify', folder],
      ['cat', folder, '0000'],
      ['show', folder, '0000'],
    ]) {
      const io = capturedIo();
      assert.equal(await main(['archive', ...command], io), 1);
      assert.match(io.err(), why);
    }
  }
});
