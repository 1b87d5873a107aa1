import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { lockState } from './lock.ts';
import { StartupError } from './startup-error.ts';

async function stateFolder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'mailhold-lock-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

test('a second run on one state folder is refused, and told who holds it', async (t) => {
  const state = await stateFolder(t);
  await using lock = await lockState(state, { pid: 4711 });
  lock.announce({ pid: 4711, http: 'http://127.0.0.1:8460' });
  await assert.rejects(lockState(state, { pid: 2 }), (error) => {
    assert.ok(error instanceof StartupError);
    assert.equal(error.code, 'AlreadyRunning');
    assert.match(error.message, /process 4711 \(http:\/\/127\.0\.0\.1:8460\) already runs with the state folder/);
    return true;
  });
});

test('two state folders do not meet', async (t) => {
  await using one = await lockState(await stateFolder(t), { pid: 1 });
  await using two = await lockState(await stateFolder(t), { pid: 1 });
  assert.notEqual(one.socketFolder, two.socketFolder);
});

test('the lock ends with its disposal, and its socket folder is private and removed', async (t) => {
  const state = await stateFolder(t);
  const lock = await lockState(state, { pid: 1 });
  assert.equal((await stat(lock.socketFolder)).mode & 0o777, 0o700);
  await lock[Symbol.asyncDispose]();
  assert.equal(existsSync(lock.socketFolder), false);
  await using again = await lockState(state, { pid: 1 });
  assert.ok(again.socketFolder);
});

test('the lock of a process that was killed is free at once', async (t) => {
  const state = await stateFolder(t);
  const program = `
    const { lockState } = await import(${JSON.stringify(new URL('./lock.ts', import.meta.url).href)});
    await lockState(${JSON.stringify(state)}, { pid: process.pid });
    console.log('held');
    setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  await assert.rejects(lockState(state, { pid: 1 }), { code: 'AlreadyRunning' });
  holder.kill('SIGKILL');
  await once(holder, 'close');
  await using lock = await lockState(state, { pid: 1 });
  assert.ok(lock.socketFolder);
});
