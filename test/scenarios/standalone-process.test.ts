import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { main } from '../../cli/main.ts';
import { connectionManifest, type RunningStandalone, standaloneFolder } from './running-standalone.ts';

/** `mailhold run` as a process of its own, since what is shown here is how processes end. */
async function runProcess(
  t: TestContext,
  args: string[] = [],
): Promise<{
  mailhold: RunningStandalone;
  child: ChildProcess;
  url: string;
  errors: string[];
  workers: () => Promise<number[]>;
}> {
  let child: ChildProcess | undefined;
  // Before the folder is removed, which is asked for next: what is asked for first is done first.
  t.after(async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const mailhold = await standaloneFolder(t);
  await mailhold.put('journal.yaml', connectionManifest('journal', { method: 'SMTP', smtp: {} }));
  const program = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
  const started = spawn(process.execPath, [program, 'run', mailhold.folder, '--http', '127.0.0.1:0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = started;
  started.stdout?.on('data', (chunk) => mailhold.log.push(String(chunk)));
  const errors: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    if (started.stderr === null) throw new Error('no standard error');
    createInterface({ input: started.stderr }).on('line', (line) => {
      errors.push(line);
      const found = /http:\/\/\S+(?=\/status)/.exec(line)?.[0];
      if (found !== undefined) resolve(found);
    });
    started.once('close', () => reject(new Error(errors.join('\n'))));
  });
  const workers = async (): Promise<number[]> => {
    const status = (await (await fetch(`${url}/status`)).json()) as { workers: { pid?: number }[] };
    return status.workers.flatMap(({ pid }) => (pid === undefined ? [] : [pid]));
  };
  return { mailhold, child: started, url, errors, workers };
}

async function gone(pids: number[]): Promise<void> {
  const deadline = performance.now() + 15_000;
  const alive = (): number[] => pids.filter(isAlive);
  while (alive().length > 0) {
    assert.ok(performance.now() < deadline, `still there: ${alive().join(' ')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until the receiver serves, so that an end is the end of something that works. */
async function serving(url: string): Promise<void> {
  for (let since = 0; ; ) {
    const answer = await fetch(`${url}/status?since=${since}&wait=10000`);
    const status = (await answer.json()) as { change: number; connections: { status?: { lastTest?: object } }[] };
    if (status.connections[0]?.status?.lastTest !== undefined) return;
    assert.notEqual(status.change, since, 'nothing came in 10 s');
    since = status.change;
  }
}

test('a signal ends it and its workers in order, with exit code 0', async (t) => {
  const { child, url, errors, workers } = await runProcess(t);
  await serving(url);
  const pids = await workers();
  child.kill('SIGTERM');
  const [code] = await once(child, 'close');
  assert.equal(code, 0, errors.join('\n'));
  await gone(pids);
  assert.match(errors.join('\n'), /SIGTERM: finishing what is in flight/);
});

test('workers do not outlive it where it is killed, and the next run takes over', async (t) => {
  const { mailhold, child, url, workers } = await runProcess(t);
  await serving(url);
  const pids = await workers();
  child.kill('SIGKILL');
  await once(child, 'close');
  await gone(pids);
  await mailhold.start();
  await mailhold.until('a test', ({ connections }) => connections[0]?.status?.lastTest !== undefined);
});

test('a log that nobody reads any more ends nothing', async (t) => {
  const { child, url, errors, workers } = await runProcess(t);
  child.stdout?.destroy();
  await serving(url);
  // A restarted worker writes lines, which now break.
  const [first] = await workers();
  process.kill(first ?? 0, 'SIGKILL');
  const deadline = performance.now() + 10_000;
  while (!errors.some((line) => line.startsWith('Nobody reads the log any more'))) {
    assert.ok(performance.now() < deadline, errors.join('\n'));
    await fetch(`${url}/status?wait=200`);
  }
  assert.equal((await fetch(`${url}/status`)).status, 200);
});

test('--log-file takes the log, and --state the state', async (t) => {
  const other = await standaloneFolder(t);
  const file = join(other.folder, 'run.log');
  const { mailhold, child, url } = await runProcess(t, ['--log-file', file, '--state', join(other.folder, 'state')]);
  await serving(url);
  child.kill('SIGINT');
  await once(child, 'close');
  assert.deepEqual(mailhold.log, []);
  assert.match(await readFile(file, 'utf8'), /"event":"standalone-started"/);
  assert.match(await readFile(join(other.folder, 'state', 'objects.json'), 'utf8'), /journal/);
});

test('what it cannot start with is said in one line', async (t) => {
  const { folder } = await standaloneFolder(t);
  const cases: [string[], number, RegExp][] = [
    [[join(folder, 'none')], 1, /^mailhold run: There is no folder .*none\.\n$/],
    [[], 2, /name one folder with manifests/],
    [[folder, 'more'], 2, /name one folder with manifests/],
    [[folder, '--colour'], 2, /Unknown option '--colour'/],
    [[folder, '--http', '0.0.0.0:1'], 2, /wants a loopback address/],
    [[folder, '--log-file', join(folder, 'none', 'log')], 2, /log file .* cannot be opened/],
  ];
  for (const [args, code, words] of cases) {
    let text = '';
    const write = (chunk: string | Uint8Array): void => {
      text += String(chunk);
    };
    const io = { stdout: { write }, stderr: { write }, env: {}, signal: AbortSignal.timeout(10_000) };
    assert.equal(await main(['run', ...args], io), code, args.join(' '));
    assert.match(text, words);
  }
});
