import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { allGreen, renderLights } from './lights.ts';
import { paintFor, unpainted } from './table.ts';
import { capturedIo } from './testing/captured-io.ts';
import { connection, NOW, scene } from './testing/status-scene.ts';

const plain = { paint: unpainted, columns: undefined, now: NOW };
const painted = { ...plain, paint: paintFor(capturedIo({ terminal: { columns: 200, rows: 50 } })) };

test('the table of all lights, and beneath it the words of those that are not green', () => {
  assert.deepEqual(renderLights(scene, plain), [
    'NAMESPACE   NAME          METHOD   READY   TESTED   ARCHIVING   BACKLOG   ENDPOINT                                   AGE',
    'contoso     journal       SMTP     True    True     True        -         k3@in.example.com                          3m',
    'contoso     new           SMTP     True    True     Unknown     -         k4@in.example.com                          20s',
    'contoso     undelivered   IMAP     False   False    False       1000+     undeliverable@imap.contoso.com:993/INBOX   3d',
    '',
    '✓ contoso/new Succeeded: k4@in.example.com takes mail; no message has come yet.',
    '✗ contoso/undelivered AuthenticationFailed: imap.contoso.com refused the login: "NO  [31mno [0m".',
  ]);
});

test('on a terminal each light has its colour', () => {
  const [, journal = '', , undelivered = ''] = renderLights(scene, painted);
  assert.equal(journal.split('\u001b[32m● True').length - 1, 3);
  assert.equal(undelivered.split('\u001b[31m● False').length - 1, 3);
});

test('in a narrow terminal no line is wider than it', () => {
  for (const line of renderLights(scene, { ...painted, columns: 60 }).map(stripVTControlCharacters)) {
    assert.ok(Array.from(line).length <= 60, line);
  }
});

test('in a terminal too narrow for the endpoints they stand whole beneath the table', () => {
  assert.deepEqual(renderLights({ ...scene, connections: scene.connections.slice(0, 2) }, { ...plain, columns: 90 }), [
    'NAMESPACE   NAME      METHOD   READY   TESTED   ARCHIVING   BACKLOG   AGE',
    'contoso     journal   SMTP     True    True     True        -         3m',
    'contoso     new       SMTP     True    True     Unknown     -         20s',
    '',
    'CONNECTION        ENDPOINT',
    'contoso/journal   k3@in.example.com',
    'contoso/new       k4@in.example.com',
    '',
    '✓ contoso/new Succeeded: k4@in.example.com takes mail; no message has come yet.',
  ]);
});

test('what is wrong beside the connections is told too', () => {
  const { connections, ...rest } = scene;
  const lines = renderLights(
    {
      ...rest,
      connections: connections.slice(0, 1),
      problems: [{ file: 'a.yaml', line: 3, column: 5, message: 'smpt is not a field. Did you mean smtp?' }],
      workers: [
        {
          gateway: 'mailhold/default',
          role: 'receiver',
          state: 'crash-looping',
          restarts: 4,
        } as (typeof rest.workers)[0],
      ],
    },
    plain,
  );
  assert.deepEqual(lines.slice(3), [
    '… receiver of mailhold/default is crash-looping, 4 restarts',
    '✗ a.yaml:3:5: smpt is not a field. Did you mean smtp?',
  ]);
});

test('without any connection it says what to do', () => {
  assert.deepEqual(renderLights({ ...scene, connections: [] }, plain), [
    'No ArchiveConnection yet: put a manifest into the folder.',
  ]);
});

test('all is green where every light is, and no manifest has a problem', () => {
  const green = { ...scene, connections: scene.connections.slice(0, 2) };
  assert.equal(allGreen(green), true);
  assert.equal(allGreen(scene), false);
  assert.equal(allGreen({ ...green, problems: [{ file: 'a', line: 1, column: 1, message: 'x' }] }), false);
  const unknown = connection('x', '20s', {
    Ready: ['Unknown', 'Progressing', ''],
    Tested: ['Unknown', 'Progressing', ''],
    Archiving: ['Unknown', 'Progressing', ''],
    endpoint: 'x',
  });
  assert.equal(allGreen({ ...green, connections: [unknown] }), false);
});
