import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../clock.ts';
import { createEventLog } from './event-log.ts';
import { type ManifestFolder, watchFolder } from './folder.ts';
import type { LastGoodTexts, Parsed } from './manifest-file.ts';
import { StartupError } from './startup-error.ts';

/** A format with one object per line, and a problem at each line that is `?`: what matters here is the folder. */
function parseLines(file: string, text: string): Parsed<string> {
  if (text.includes('!')) throw new Error('a defect of the parser');
  const lines = text.split('\n').filter(Boolean);
  return {
    objects: lines.filter((line) => line !== '?'),
    problems: lines.flatMap((line, index) =>
      line === '?' ? [{ file, line: index + 1, column: 1, message: 'not known' }] : [],
    ),
  };
}

function inMemory(): LastGoodTexts & { texts: Map<string, string> } {
  const texts = new Map<string, string>();
  return {
    texts,
    read: async (file) => texts.get(file),
    write: async (file, text) => {
      texts.set(file, text);
    },
    remove: async (file) => {
      texts.delete(file);
    },
  };
}

interface Fixture {
  path: string;
  lastGood: ReturnType<typeof inMemory>;
  put(file: string, text: string): Promise<void>;
  open(rescanMs?: number): Promise<ManifestFolder<string>>;
  /** Waits until the folder's objects are these. */
  shows(folder: ManifestFolder<string>, objects: string[]): Promise<void>;
  /** Waits until a change was told and `holds` holds. */
  until(holds: () => boolean, what: string): Promise<void>;
}

async function fixture(t: TestContext): Promise<Fixture> {
  const path = await mkdtemp(join(tmpdir(), 'mailhold-folder-'));
  const closing = new AbortController();
  t.after(async () => {
    closing.abort();
    await rm(path, { recursive: true });
  });
  const lastGood = inMemory();
  let told = Promise.withResolvers<void>();
  const until = async (holds: () => boolean, what: string): Promise<void> => {
    const deadline = AbortSignal.timeout(5_000);
    const late = Promise.withResolvers<never>();
    deadline.addEventListener('abort', () => late.reject(new Error(`not seen in 5 s: ${what}`)), { once: true });
    late.promise.catch(() => undefined);
    while (!holds()) {
      await Promise.race([told.promise, late.promise]);
      told = Promise.withResolvers();
    }
  };
  return {
    path,
    lastGood,
    until,
    put: (file, text) => writeFile(join(path, file), text),
    open: (rescanMs = 60_000) =>
      watchFolder({
        folder: path,
        parse: parseLines,
        lastGood,
        log: createEventLog(() => undefined, systemClock),
        onChange: () => told.resolve(),
        signal: closing.signal,
        rescanMs,
      }),
    shows: (folder, objects) =>
      until(() => JSON.stringify(folder.content().objects) === JSON.stringify(objects), objects.join(',')),
  };
}

test('manifests are read in order of their names; dotfiles, other names and subfolders are not', async (t) => {
  const { path, put, open } = await fixture(t);
  await put('b.yaml', 'two\n');
  await put('a.yml', 'one\n');
  await put('c.json', 'three\n');
  await put('.d.yaml', 'hidden\n');
  await put('notes.txt', 'text\n');
  await put('e.yaml.swp', 'swap\n');
  await mkdir(join(path, 'sub.yaml'));
  const folder = await open();
  assert.deepEqual(folder.content(), { objects: ['one', 'two', 'three'], problems: [] });
});

test('a new, a changed, a replaced and a removed file are seen', async (t) => {
  const { path, put, open, shows } = await fixture(t);
  const folder = await open();
  await put('a.yaml', 'one\n');
  await shows(folder, ['one']);
  await put('a.yaml', 'one\ntwo\n');
  await shows(folder, ['one', 'two']);
  await put('.new', 'three\n');
  await rename(join(path, '.new'), join(path, 'a.yaml'));
  await shows(folder, ['three']);
  await rm(join(path, 'a.yaml'));
  await shows(folder, []);
});

test('a file with a typo keeps its last good objects and names the place', async (t) => {
  const { put, open, shows, until } = await fixture(t);
  await put('a.yaml', 'one\n');
  await put('b.yaml', 'two\n');
  const folder = await open();
  await put('a.yaml', 'one\n?\n');
  await until(() => folder.content().problems.length === 1, 'the problem');
  assert.deepEqual(folder.content(), {
    objects: ['one', 'two'],
    problems: [{ file: 'a.yaml', line: 2, column: 1, message: 'not known' }],
  });
  await put('a.yaml', 'mended\n');
  await shows(folder, ['mended', 'two']);
  assert.deepEqual(folder.content().problems, []);
});

test('an error of the parser itself is a problem of that file alone', async (t) => {
  const { put, open, until } = await fixture(t);
  await put('a.yaml', 'one\n');
  await put('b.yaml', 'two\n');
  const folder = await open();
  await put('a.yaml', '!\n');
  await until(() => folder.content().problems.length === 1, 'the problem');
  assert.match(folder.content().problems[0]?.message ?? '', /a\.yaml: Mailhold met an error of its own/);
  assert.deepEqual(folder.content().objects, ['one', 'two']);
});

test('a typo found at the start keeps the objects of the run before', async (t) => {
  const { put, open, lastGood } = await fixture(t);
  lastGood.texts.set('a.yaml', 'one\n');
  await put('a.yaml', 'changed\n?\n');
  const folder = await open();
  assert.deepEqual(folder.content().objects, ['one']);
  assert.equal(folder.content().problems.length, 1);
});

test('a file that was never good gives the objects that are', async (t) => {
  const { put, open } = await fixture(t);
  await put('a.yaml', 'one\n?\n');
  const folder = await open();
  assert.deepEqual(folder.content().objects, ['one']);
});

test('a folder that goes away keeps its objects, says so, and is followed again when it is back', async (t) => {
  const { path, put, open, shows, until } = await fixture(t);
  await put('a.yaml', 'one\n');
  const folder = await open(50);
  await rename(path, `${path}-away`);
  await until(() => folder.content().problems.length === 1, 'the problem');
  assert.deepEqual(folder.content().objects, ['one']);
  assert.match(folder.content().problems[0]?.message ?? '', /ENOENT.*stays in use/);
  await mkdir(path);
  await put('a.yaml', 'two\n');
  await shows(folder, ['two']);
  assert.deepEqual(folder.content().problems, []);
  await rm(`${path}-away`, { recursive: true });
});

test('a folder that does not exist, or is a file, is refused in words', async (t) => {
  const { path, put } = await fixture(t);
  await put('file', '');
  for (const [name, words] of [
    ['none', /There is no folder/],
    ['file', /is a file, not a folder/],
  ] as const) {
    await assert.rejects(
      watchFolder({
        folder: join(path, name),
        parse: parseLines,
        lastGood: inMemory(),
        log: createEventLog(() => undefined, systemClock),
        onChange: () => undefined,
        signal: AbortSignal.abort(),
      }),
      (error) => error instanceof StartupError && error.code === 'FolderNotFound' && words.test(error.message),
    );
  }
});
