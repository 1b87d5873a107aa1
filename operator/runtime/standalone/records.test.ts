import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openRecords, type Records } from './records.ts';
import { openState } from './state.ts';

const KEY = { kind: 'ArchiveConnection', namespace: 'contoso', name: 'journal' };

const same = (a: string | undefined, b: string): boolean => a?.[0] === b[0];

async function fixture(
  t: TestContext,
): Promise<{ path: string; open: (now?: number) => Promise<Records<unknown, string>> }> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-records-'));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, 'objects.json');
  return { path, open: (now = 0) => openRecords(path, { now: () => now, monotonic: () => now }) };
}

test('a record survives a restart with its uid, times, generation and status', async (t) => {
  const { open } = await fixture(t);
  const first = await open(0);
  const { uid } = first.of(KEY, { a: 1, b: [2] });
  first.setStatus(KEY, 'green', same);
  await first.save();
  const second = await open(5_000);
  assert.deepEqual(second.of(KEY, { b: [2], a: 1 }), {
    uid,
    creationTimestamp: '1970-01-01T00:00:00.000Z',
    generation: 1,
    spec: { a: 1, b: [2] },
    status: 'green',
  });
  assert.match(uid, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('a changed spec raises the generation once and keeps the status', async (t) => {
  const { open } = await fixture(t);
  const records = await open();
  records.of(KEY, { a: 1 });
  records.setStatus(KEY, 'green', same);
  assert.equal(records.of(KEY, { a: 2 }).generation, 2);
  assert.equal(records.of(KEY, { a: 2 }).generation, 2);
  assert.equal(records.of(KEY, { a: 2 }).status, 'green');
});

test('a status that differs in what moves alone is kept, and written with the next change', async (t) => {
  const { path, open } = await fixture(t);
  const records = await open();
  const shown = (): string | undefined => records.of(KEY, {}).status;
  const written = async (): Promise<string | undefined> => {
    await records.save();
    return /"status":"(.*?)"/.exec(await readFile(path, 'utf8'))?.[1];
  };
  records.of(KEY, {});
  records.setStatus(KEY, 'green 1', same);
  assert.deepEqual([shown(), await written()], ['green 1', 'green 1']);
  records.setStatus(KEY, 'green 2', same);
  assert.deepEqual([shown(), await written()], ['green 2', 'green 1']);
  records.setStatus(KEY, 'red 3', same);
  assert.deepEqual([shown(), await written()], ['red 3', 'red 3']);
});

test('a file that cannot be written now is written later', async (t) => {
  const { path, open } = await fixture(t);
  const records = await open();
  records.of(KEY, {});
  await mkdir(path);
  await assert.rejects(records.save());
  await rmdir(path);
  await records.save();
  assert.match(await readFile(path, 'utf8'), /journal/);
});

test('a deleted object is forgotten; the next of its name is new, under the same uid', async (t) => {
  const { open } = await fixture(t);
  const records = await open(9_000);
  const before = records.of(KEY, {});
  records.setStatus(KEY, 'green', same);
  records.keepOnly([]);
  const after = records.of(KEY, {});
  assert.deepEqual([after.uid, after.generation, after.status], [before.uid, 1, undefined]);
});

test('a damaged file, or one of a newer version, is left out', async (t) => {
  const { path, open } = await fixture(t);
  const { uid } = (await open()).of(KEY, {});
  for (const text of ['{"version":1,"obj', '{"version":2,"objects":{}}', 'null', '']) {
    await writeFile(path, text);
    const record = (await open()).of(KEY, {});
    assert.deepEqual([record.uid, record.generation, record.status], [uid, 1, undefined], text);
  }
});

test('the state folder is private, ignored by git, and its keys are made once', async (t) => {
  const { path } = await fixture(t);
  const folder = join(path, '..', 'state');
  const gateway = { namespace: 'mailhold', name: 'default' };
  const state = await openState(folder);
  const [one, two] = await Promise.all([state.addressKey(gateway), state.addressKey(gateway)]);
  assert.equal(one, two);
  assert.equal(Buffer.from(one, 'base64').length, 32);
  assert.equal(await (await openState(folder)).addressKey(gateway), one);
  assert.notEqual(await state.addressKey({ namespace: 'mailhold', name: 'other' }), one);
  assert.notEqual(await state.selfTestKey(gateway), one);
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  assert.equal((await stat(join(folder, 'keys', 'mailhold_default.address-key'))).mode & 0o777, 0o600);
  assert.ok((await stat(join(folder, '.gitignore'))).isFile());
});

test('a state folder that cannot be made is refused in words', async (t) => {
  const { path } = await fixture(t);
  await writeFile(path, '');
  await assert.rejects(openState(join(path, 'state')), { code: 'StateNotUsable', message: /ENOTDIR.*--state/ });
});

test('keys outlive their files while Mailhold runs, but not another key in their place', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-state-'));
  t.after(() => rm(folder, { recursive: true }));
  const state = await openState(join(folder, 'state'));
  const gateway = { namespace: 'mailhold', name: 'default' };
  const key = await state.addressKey(gateway);
  await rm(join(folder, 'state'), { recursive: true });
  assert.ok(await state.certificate(gateway, 'in.archive.example.com', Date.now()), 'others can be made anew');
  assert.equal(await state.addressKey(gateway), key, 'an address key made anew would end every address');
  assert.equal(await (await openState(join(folder, 'state'))).addressKey(gateway), key, 'it is on the disk again');
  await writeFile(join(folder, 'state', 'keys', 'mailhold_default.address-key'), 'another');
  assert.equal(await state.addressKey(gateway), 'another');
});
