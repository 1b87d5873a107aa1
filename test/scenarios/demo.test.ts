import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { connection, scene } from '../../cli/testing/status-scene.ts';
import { unexpectedLights } from '../demo/expected-lights.ts';
import { dovecotMissing } from '../peers/dovecot.ts';

const DEMO = join(import.meta.dirname, '../demo/demo.ts');

const servers: [name: string, setting: string, skip: string | undefined][] = [
  ['Dovecot', '', dovecotMissing],
  ['the scripted IMAP server', 'scripted', undefined],
];
for (const [name, setting, skip] of servers) {
  test(`the demo with ${name} shows three green lights and a red one, and reads a message back`, { skip }, (t) =>
    demo(t, name, setting),
  );
}

async function demo(t: TestContext, server: string, setting: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-scenario-'));
  t.after(() => rm(folder, { recursive: true }));
  // The mail server of the demo runs as another user where we are root.
  await chmod(folder, 0o755);
  const began = performance.now();
  const child = spawn(process.execPath, [DEMO], {
    env: { ...process.env, TMPDIR: folder, DEMO_MAIL_SERVER: setting },
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
  assert.ok(output.startsWith(`✓ ${server}`), output);
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
}

test('where a light is not as it should be, the demo says which, and why', () => {
  const words = unexpectedLights({
    ...scene,
    connections: [
      connection('mailbox', '3m', {
        Ready: ['False', 'FolderNotFound', 'The folder does not exist.'],
        Tested: ['False', 'FolderNotFound', ''],
        Archiving: ['Unknown', 'FolderNotFound', ''],
        endpoint: 'a@b:993/X',
      }),
      connection('wrong-password', '3m', {
        Ready: ['True', 'Succeeded', 'Every test passed.'],
        Tested: ['True', 'Succeeded', ''],
        Archiving: ['True', 'Succeeded', ''],
        endpoint: 'a@b:993/Y',
      }),
    ],
  });
  assert.deepEqual(words, [
    'There is no connection contoso/office365.',
    'There is no connection fabrikam/exchange.',
    'contoso/mailbox: Ready is False, not True. The folder does not exist.',
    'contoso/mailbox: Archiving is Unknown, not True.',
    'contoso/wrong-password: Ready is True, not False. Every test passed.',
  ]);
});
