import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { dovecotMissing } from '../peers/dovecot.ts';

const DEMO = join(import.meta.dirname, '../demo/demo.ts');

test('the demo without a terminal shows three green lights and a red one, reads a message back, and ends', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-scenario-'));
  t.after(() => rm(folder, { recursive: true }));
  // The mail server of the demo runs as another user where we are root.
  await chmod(folder, 0o755);
  if (dovecotMissing !== undefined) t.diagnostic(`the scripted IMAP server stands in for Dovecot: ${dovecotMissing}`);
  const began = performance.now();
  const child = spawn(process.execPath, [DEMO], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  t.diagnostic(`${((performance.now() - began) / 1000).toFixed(1)} s`);
  assert.equal(code, 0, output);
  assert.equal(output, stripVTControlCharacters(output));
  const lights = (name: string): string[] =>
    output
      .split('\n')
      .find((line) => line.split(/ +/)[1] === name)
      ?.split(/ +/)
      .slice(3, 6) ?? [];
  assert.deepEqual(lights('office365'), ['True', 'True', 'True']);
  assert.deepEqual(lights('exchange'), ['True', 'True', 'True']);
  assert.deepEqual(lights('mailbox'), ['True', 'True', 'True']);
  assert.deepEqual(lights('wrong-password').slice(0, 2), ['False', 'False']);
  assert.match(
    output,
    /✗ contoso\/wrong-password AuthenticationFailed: localhost refused the login: ".*AUTHENTICATION/,
  );
  assert.match(output, /byte for byte/);
  assert.match(output, /cli\/mailhold archive cat \S+\/archive [0-9a-f]{12}\n/);
  assert.deepEqual(
    (await readdir(folder))
      .filter((name) => !name.startsWith('mailhold-demo-'))
      .filter((name) => name !== 'node-compile-cache'),
    [],
    'nothing is left but the folder that it names',
  );
});
