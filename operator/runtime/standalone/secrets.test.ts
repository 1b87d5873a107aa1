import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createSecrets, readSecret, type Secrets } from './secrets.ts';

async function fixture(t: TestContext): Promise<{
  folder: string;
  time: { now: number };
  env: Record<string, string>;
  secrets: Secrets;
  changed: () => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-secrets-'));
  const closing = new AbortController();
  t.after(async () => {
    closing.abort();
    await rm(folder, { recursive: true });
  });
  const time = { now: 1_000_000 };
  const env: Record<string, string> = {};
  let told = Promise.withResolvers<void>();
  const secrets = createSecrets({
    folder,
    env,
    clock: { now: () => time.now, monotonic: () => time.now },
    onChange: () => told.resolve(),
    signal: closing.signal,
  });
  const changed = async (): Promise<void> => {
    const late = setTimeout(() => told.reject(new Error('no change was told in 5 s')), 5_000);
    await told.promise.finally(() => clearTimeout(late));
    told = Promise.withResolvers();
  };
  return { folder, time, env, secrets, changed };
}

function shown(secrets: Secrets, key = 'one'): string {
  const result = secrets.get(key);
  if (result === undefined) return 'nothing';
  return result.kind === 'value' ? result.value : `${result.fault.reason}: ${result.fault.message}`;
}

test('what a reference gives', async (t) => {
  const { folder } = await fixture(t);
  await writeFile(join(folder, 'plain'), 'pass word');
  await writeFile(join(folder, 'line'), 'secret\n');
  await writeFile(join(folder, 'dos'), 'secret\r\n');
  await writeFile(join(folder, 'two'), 'secret\n\n');
  await writeFile(join(folder, 'empty'), '\n');
  await mkdir(join(folder, 'folder'));
  const cases: [Parameters<typeof readSecret>[0], string][] = [
    [{ file: 'plain' }, 'pass word'],
    [{ file: 'line' }, 'secret'],
    [{ file: 'dos' }, 'secret'],
    [{ file: 'two' }, 'secret\n'],
    [{ file: join(folder, 'line') }, 'secret'],
    [{ env: 'SET' }, 'from env'],
    [{ file: 'empty' }, 'SecretKeyMissing: The file empty is empty.'],
    [{ file: 'none' }, 'SecretNotFound: The file none does not exist.'],
    [{ file: 'line/none' }, 'SecretNotFound: The file line/none does not exist.'],
    [{ file: 'folder' }, 'SecretNotFound: The file folder cannot be read (EISDIR).'],
    [{ env: 'UNSET' }, 'SecretNotFound: The environment variable UNSET is not set.'],
    [{ env: 'EMPTY' }, 'SecretKeyMissing: The environment variable EMPTY is empty.'],
  ];
  for (const [ref, expected] of cases) {
    const result = await readSecret(ref, folder, { SET: 'from env', EMPTY: '' });
    assert.equal(result.kind === 'value' ? result.value : `${result.fault.reason}: ${result.fault.message}`, expected);
  }
});

test('a changed file is told at once and read again', async (t) => {
  const { folder, secrets, changed } = await fixture(t);
  await writeFile(join(folder, 'password'), 'first\n');
  const wanted = [{ key: 'one', ref: { file: 'password' }, failing: false }];
  await secrets.bring(wanted);
  assert.equal(shown(secrets), 'first');
  await writeFile(join(folder, 'new'), 'second\n');
  await rename(join(folder, 'new'), join(folder, 'password'));
  await changed();
  await secrets.bring(wanted);
  assert.equal(shown(secrets), 'second');
});

test('a missing file is told when it appears', async (t) => {
  const { folder, secrets, changed } = await fixture(t);
  const wanted = [{ key: 'one', ref: { file: 'password' }, failing: true }];
  await secrets.bring(wanted);
  assert.match(shown(secrets), /^SecretNotFound/);
  await writeFile(join(folder, 'password'), 'here\n');
  await changed();
  await secrets.bring(wanted);
  assert.equal(shown(secrets), 'here');
});

test('a failing secret is due after 30 s, a healthy one after 5 min, a marked one at once', async (t) => {
  const { time, env, secrets } = await fixture(t);
  const want = (failing: boolean) => [{ key: 'one', ref: { env: 'PASSWORD' }, failing }];
  assert.equal(await secrets.bring(want(true)), 1_030_000);
  env.PASSWORD = 'first';
  time.now = 1_029_999;
  await secrets.bring(want(true));
  assert.match(shown(secrets), /^SecretNotFound/, 'not due yet');
  time.now = 1_030_000;
  assert.equal(await secrets.bring(want(false)), 1_300_000);
  assert.match(shown(secrets), /^SecretNotFound/, 'no longer said to fail, so due later');
  secrets.mark('one');
  assert.equal(await secrets.bring(want(false)), 1_330_000);
  assert.equal(shown(secrets), 'first');
});

test('another reference is read at once; what is no longer wanted is forgotten', async (t) => {
  const { env, secrets } = await fixture(t);
  Object.assign(env, { A: 'a', B: 'b' });
  await secrets.bring([{ key: 'one', ref: { env: 'A' }, failing: false }]);
  await secrets.bring([{ key: 'one', ref: { env: 'B' }, failing: false }]);
  assert.equal(shown(secrets), 'b');
  assert.equal(await secrets.bring([]), undefined);
  assert.equal(shown(secrets), 'nothing');
});
