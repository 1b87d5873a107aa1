import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';

const MAIN = join(import.meta.dirname, '..', '..', 'workers', 'receiver', 'main.ts');

/** Starts a receiver that cannot start. Its log, its standard error, its exit code, and what Kubernetes would show. */
async function failed(t: TestContext, ...flags: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-start-'));
  t.after(() => rm(folder, { recursive: true }));
  const termination = join(folder, 'termination-log');
  await writeFile(
    termination,
    'of the run before, which said very much more than this one has to say, whatever it is\n'.repeat(4),
  );
  const child = spawn(process.execPath, [MAIN, '--config', folder, ...flags], {
    env: { ...process.env, TERMINATION_LOG: termination },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      texts[stream] += text;
    });
  }
  const [code] = await once(child, 'close');
  const lines = texts.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; error?: string });
  return { code, lines, stderr: texts.stderr, shown: await readFile(termination, 'utf8') };
}

test('a status that others could reach needs keys', async (t) => {
  const { code, lines, stderr, shown } = await failed(t, '--status', '[::]:8443');
  const why =
    '--status [::]:8443 can be reached from outside, so it needs keys: give their folder with --status-tls, or take a socket or a port of loopback.';
  assert.equal(code, 2);
  assert.partialDeepStrictEqual(lines, [{ event: 'worker-failed', error: why }]);
  assert.equal(shown, `${why}\n`);
  assert.ok(stderr.startsWith(`${why}\nusage: receiver --config`));
});

test('a port in use ends the start, with words for who looks at the pod', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  t.after(() => blocker.close());
  const at = blocker.address();
  const port = typeof at === 'object' && at !== null ? at.port : 0;
  for (const [flags, who] of [
    [['--status', String(port)], "The server of the worker's status"],
    [['--status', '0', '--probes', `127.0.0.1:${port}`], 'The server of probes'],
  ] as const) {
    const { code, lines, shown } = await failed(t, ...flags);
    const why = `${who} cannot listen on 127.0.0.1:${port}: it is in use.`;
    assert.equal(code, 1);
    assert.partialDeepStrictEqual(lines.at(-1), { event: 'worker-failed', error: why });
    assert.equal(shown, `${why}\n`);
  }
});
