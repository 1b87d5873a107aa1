import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { test } from 'node:test';
import { testArchive } from '../../workers/archive/test-archive.ts';
import { Client } from '../../workers/receiver/testing/client.ts';
import { addressOf, entry } from '../../workers/receiver/testing/receiver.ts';
import { startWorker } from '../../workers/receiver/testing/worker.ts';
import { freePort } from '../peers/free-port.ts';

const namespaceMissing =
  process.getuid?.() === 0 ? undefined : 'not run: to be the first process of a namespace needs root';

/** How the process is started. The kernel gives the first of a namespace only those signals that it handles itself. */
const starts: [how: string, through: readonly string[], skip: string | undefined][] = [
  ['a process among others', [], undefined],
  ['the first process of a container', ['unshare', '--pid', '--fork', '--kill-child'], namespaceMissing],
];

for (const [how, through, skip] of starts) {
  test(`SIGTERM to ${how}: unready, nothing new, what is on its way is kept, and an exit in order`, {
    skip: skip ?? false,
  }, async () => {
    const scene = await started(through);
    await using worker = scene.worker;
    const { idle, busy, ask, stop, ended } = scene;
    stop();
    assert.match((await idle.reply()).text, /^421 4\.3\.2 /);
    assert.deepEqual(await ask('/readyz'), [503, 'stopping\n']);
    assert.deepEqual(await ask('/healthz'), [200, 'ok\n']);
    assert.equal(await refuses(worker.port), true);
    busy.send('the second half\r\n.\r\n');
    assert.match((await busy.reply()).text, /^250 2\.0\.0 /);
    assert.match((await busy.reply()).text, /^421 4\.3\.2 /);
    for (const client of [idle, busy]) client.destroy();
    assert.deepEqual(await ended, [0, null]);
    await using archive = await testArchive(worker.archive);
    const { messages, findings } = await archive.read();
    assert.deepEqual(findings, []);
    assert.equal(messages.length, 1, 'what was answered 250 is there');
  });

  test(`a second SIGTERM to ${how} ends it at once`, { skip: skip ?? false }, async () => {
    const scene = await started(through);
    await using _ = scene.worker;
    const { idle, stop, ended } = scene;
    stop();
    await idle.reply();
    const asked = performance.now();
    stop();
    assert.deepEqual(await ended, [1, null]);
    assert.ok(performance.now() - asked < 5_000);
  });
}

test('a message that does not end keeps the process for its grace of 20 s, and no longer', async () => {
  const scene = await started([]);
  await using _ = scene.worker;
  const { busy, stop, ended } = scene;
  const asked = performance.now();
  stop();
  await busy.closed();
  assert.deepEqual(await ended, [0, null]);
  const seconds = (performance.now() - asked) / 1000;
  assert.ok(seconds > 19 && seconds < 25, `${seconds} s`);
});

/** A receiver with an idle session, and one in the middle of a message. */
async function started(through: readonly string[]) {
  const probes = await freePort();
  const worker = await startWorker([entry('a')], {}, ['--probes', `[::]:${probes}`], through);
  const ended = once(worker.child, 'exit');
  const ask = async (path: string): Promise<[number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${probes}${path}`);
    return [answer.status, await answer.text()];
  };
  assert.deepEqual(await ask('/readyz'), [200, 'ready\n']);
  const idle = await Client.secure(worker.port);
  const busy = await Client.secure(worker.port);
  await busy.command('MAIL FROM:<>');
  await busy.command(`RCPT TO:<${addressOf('a')}>`);
  await busy.command('DATA');
  busy.send('the first half\r\n');
  const pid = through.length === 0 ? worker.child.pid : await onlyChild(worker.child.pid);
  const stop = (): void => {
    process.kill(Number(pid), 'SIGTERM');
  };
  return { worker, idle, busy, ask, stop, ended };
}

/** The process that `unshare` started. */
async function onlyChild(pid: number | undefined): Promise<number> {
  return Number(await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'));
}

function refuses(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}
