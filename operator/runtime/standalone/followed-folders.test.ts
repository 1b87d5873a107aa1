import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { followFolders } from './followed-folders.ts';

async function fixture(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-followed-'));
  const closing = new AbortController();
  t.after(() => rm(folder, { recursive: true }));
  t.after(() => closing.abort());
  let told = Promise.withResolvers<void>();
  const path = join(folder, 'secrets');
  // Each change makes a round, and each round says again what to follow.
  const followed = followFolders(() => {
    followed.follow(new Set([path]));
    told.resolve();
  }, closing.signal);
  const change = async (what: () => Promise<unknown>): Promise<void> => {
    told = Promise.withResolvers();
    const late = setTimeout(() => told.reject(new Error('not told in 5 s')), 5_000);
    await what();
    await told.promise.finally(() => clearTimeout(late));
  };
  return { path, followed, change };
}

test('a folder that was replaced by another of its name is followed again', async (t) => {
  const { path, followed, change } = await fixture(t);
  await mkdir(path);
  followed.follow(new Set([path]));
  await change(() => writeFile(join(path, 'one'), '1'));
  await change(() => rm(path, { recursive: true }));
  await mkdir(path);
  followed.follow(new Set([path]));
  await change(() => writeFile(join(path, 'two'), '2'));
  await change(() => rename(path, `${path}.old`));
  await mkdir(path);
  followed.follow(new Set([path]));
  await change(() => writeFile(join(path, 'three'), '3'));
});

test('a folder that is not there is followed from when it is', async (t) => {
  const { path, followed, change } = await fixture(t);
  followed.follow(new Set([path]));
  await mkdir(path);
  followed.follow(new Set([path]));
  await change(() => writeFile(join(path, 'one'), '1'));
});
