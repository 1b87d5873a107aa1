import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { main } from './main.ts';
import { capturedIo } from './testing/captured-io.ts';

const EXAMPLES = join(import.meta.dirname, '../examples/demo');

async function copied(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-cli-'));
  t.after(() => rm(folder, { recursive: true }));
  await cp(EXAMPLES, folder, { recursive: true });
  return folder;
}

async function validate(...args: string[]) {
  const io = capturedIo();
  return { code: await main(['validate', ...args], io), out: io.out(), err: io.err() };
}

test('the examples have no problem', async () => {
  assert.deepEqual(await validate(EXAMPLES), { code: 0, out: '6 resources in 6 files, 0 problems\n', err: '' });
});

test('a typo is told with file, line, column, and the word that was meant', async (t) => {
  const folder = await copied(t);
  const file = join(folder, 'exchange.yaml');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('senderRanges', 'senderRange'));
  const { code, out, err } = await validate(folder);
  const line = text.split('\n').findIndex((it) => it.includes('senderRanges')) + 1;
  assert.equal(code, 1);
  assert.ok(err.includes(`${file}:${line}:5: `), err);
  assert.match(err, /senderRange\b.*Did you mean senderRanges/);
  assert.match(out, /problems?\n$/);
});

test('a second object of one name is told, with the place of the first', async (t) => {
  const folder = await copied(t);
  await cp(join(folder, 'exchange.yaml'), join(folder, 'second.yaml'));
  const { code, err } = await validate(folder);
  assert.equal(code, 1);
  assert.match(err, /second\.yaml:\d+:\d+: ArchiveConnection fabrikam\/exchange stands .*exchange\.yaml:\d+/);
});

test('single files are checked too', async (t) => {
  const folder = await copied(t);
  const { code, out } = await validate(join(folder, 'archive.yaml'), join(folder, 'gateway.yaml'));
  assert.deepEqual([code, out], [0, '2 resources in 2 files, 0 problems\n']);
});
