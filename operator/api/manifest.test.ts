import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { duplicateProblems, parseManifests } from './manifest.ts';

const said = (text: string) =>
  parseManifests('a.yaml', text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);

const imap = (rest: string) => `apiVersion: mailhold.dev/v1alpha1
kind: ArchiveConnection
metadata: {name: pull}
spec:
  method: IMAP
  imap:
    host: imap.example.com
    user: keeper
    passwordRef: {env: MAIL_PASSWORD, host: imap.example.com}
${rest}`;

const smtp = (rest: string) => `apiVersion: mailhold.dev/v1alpha1
kind: ArchiveConnection
metadata: {name: journal, namespace: contoso}
spec:
  method: SMTP
${rest}`;

/** What a person wrote -> what they are told, with line and column. */
const cases: { name: string; text: string; told: (string | RegExp)[] }[] = [
  { name: 'nothing wrong', text: imap(''), told: [] },
  { name: 'an empty file', text: '# nothing yet\n---\n', told: [] },
  {
    name: 'a mistyped field',
    text: imap('    pollInterwal: 5s\n'),
    told: ['10:5 spec.imap has no field pollInterwal. Did you mean pollInterval?'],
  },
  {
    name: 'a field that resembles none',
    text: imap('    hunter2: hunter2\n'),
    told: [/^10:5 spec\.imap has no field hunter2\. It has host, port, security,/],
  },
  {
    name: 'a mistyped choice',
    text: smtp('  smtp: {source: Ofice365}\n'),
    told: ['6:18 spec.smtp.source must be one of Office365, Exchange, Other, not "Ofice365"; did you mean Office365?'],
  },
  {
    name: 'a number in quotes',
    text: imap("    port: '993'\n"),
    told: ['10:11 spec.imap.port must be a whole number from 1 to 65535; write 993 without quotes.'],
  },
  {
    name: 'a number out of range',
    text: imap('    maxSessions: 3\n'),
    told: ['10:18 spec.imap.maxSessions must be a whole number from 1 to 2, not 3.'],
  },
  {
    name: 'a number where text belongs',
    text: imap('    folder: 2026\n'),
    told: ['10:13 spec.imap.folder must be text, not 2026; put it in quotes if it is meant.'],
  },
  {
    name: 'a duration without unit',
    text: imap('    pollInterval: "60"\n'),
    told: ['10:19 spec.imap.pollInterval must be a duration such as 90s, 5m or 168h, not "60".'],
  },
  {
    name: 'a duration out of range',
    text: imap('    pollInterval: 10ms\n'),
    told: ['10:19 spec.imap.pollInterval must be a duration from 1s to 24h.'],
  },
  {
    name: 'a range that is none, and one that stands twice',
    text: smtp('  smtp:\n    senderRanges: [10.0.0.1, 10.0.0.0/8, 10.0.0.0/8]\n'),
    told: [
      /^7:20 spec\.smtp\.senderRanges\[0\] must be an address range such as 203\.0\.113\.0\/24/,
      '7:42 spec.smtp.senderRanges[2] stands twice in this list; write it once.',
    ],
  },
  {
    name: 'Exchange without ranges',
    text: smtp('  smtp: {source: Exchange}\n'),
    told: [
      '6:9 spec.smtp source Exchange needs senderRanges: write the addresses that your Exchange servers send from.',
    ],
  },
  {
    name: 'a method without its block',
    text: smtp(''),
    told: [/^5:3 spec method SMTP goes with a block smtp \(smtp: \{\}/],
  },
  {
    name: 'a block left empty',
    text: smtp('  smtp:\n'),
    told: ['6:8 spec.smtp is empty; write {} where its defaults are meant.'],
  },
  {
    name: 'a Secret of Kubernetes',
    text: imap('').replace('{env: MAIL_PASSWORD, ', '{name: mail, '),
    told: ['9:19 spec.imap.passwordRef has the field name only on Kubernetes; here there is file, env, host.'],
  },
  {
    name: 'a password from two places',
    text: imap('').replace('{env: MAIL_PASSWORD, ', '{env: MAIL_PASSWORD, file: pw, '),
    told: [/^9:18 spec\.imap\.passwordRef needs exactly one of file/],
  },
  {
    name: 'a missing field',
    text: imap('').replace('    user: keeper\n', ''),
    told: ['7:5 spec.imap needs user: The name to log in with.'],
  },
  {
    name: 'a mistyped kind',
    text: imap('').replace('ArchiveConnection', 'ArchiveConection'),
    told: ['2:7 There is no kind ArchiveConection. Did you mean ArchiveConnection?'],
  },
  {
    name: 'an object of another group',
    text: 'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n',
    told: ['2:7 There is no kind Secret. There is ArchiveConnection, MailGateway, MailArchive.'],
  },
  {
    name: 'another version',
    text: imap('').replace('v1alpha1', 'v1'),
    told: ['1:13 ArchiveConnection has apiVersion: mailhold.dev/v1alpha1.'],
  },
  {
    name: 'a name with a capital',
    text: imap('').replace('{name: pull}', '{name: Pull, namspace: a}'),
    told: [
      '3:24 metadata has no field namspace. Did you mean namespace?',
      '3:18 metadata.name must be small letters, digits and dashes, such as contoso-journal.',
    ],
  },
  {
    name: 'an annotation that is a number',
    text: imap('').replace('{name: pull}', '{name: pull, annotations: {a: 1}}'),
    told: ['3:41 metadata.annotations.a must be text; put it in quotes.'],
  },
  { name: 'a text', text: 'hello', told: ['1:1 A manifest is a block with apiVersion, kind, metadata and spec.'] },
  {
    name: 'a name twice in one block',
    text: imap('    host: b\n'),
    told: ['10:5 The file is not YAML: Map keys must be unique.'],
  },
  {
    name: 'a bracket left open',
    text: imap('    folder: [\n'),
    told: [/^\d+:\d+ The file is not YAML: Flow sequence/],
  },
  {
    name: 'an anchor that does not exist',
    text: imap('    folder: *inbox\n'),
    told: [/The (file is not YAML|anchors of this document cannot be followed): (Unresolved alias|Aliased anchor)/],
  },
];

for (const { name, text, told } of cases) {
  test(`a manifest with ${name} is answered with what to write`, () => {
    const messages = said(text);
    assert.equal(messages.length, told.length, messages.join('\n'));
    told.forEach((expected, index) => {
      if (typeof expected === 'string') assert.equal(messages[index], expected);
      else assert.match(messages[index] ?? '', expected);
    });
  });
}

test('several documents and a List give their objects in order, each with its place; a bad one takes only itself away', () => {
  const list = `---
apiVersion: v1
kind: List
items:
- apiVersion: mailhold.dev/v1alpha1
  kind: MailArchive
  metadata: {name: mail}
  spec: {volume: {path: mail}}
- apiVersion: mailhold.dev/v1alpha1
  kind: MailArchive
  metadata: {name: other}
  spec: {volume: {pat: mail}}
`;
  const { objects, problems } = parseManifests('all.yaml', imap('') + list);
  assert.deepEqual(
    objects.map(({ resource, file, line }) => `${file}:${line} ${resource.kind} ${resource.metadata.name}`),
    ['all.yaml:1 ArchiveConnection pull', 'all.yaml:14 MailArchive mail'],
  );
  assert.deepEqual(
    problems.map(({ line, message }) => `${line} ${message}`),
    [
      '21 spec.volume has no field pat. Did you mean path?',
      '21 spec.volume needs path: The folder that mail is kept in; relative to the folder of the manifests.',
    ],
  );
});

test('JSON is read too', () => {
  const json = JSON.stringify({
    apiVersion: 'mailhold.dev/v1alpha1',
    kind: 'MailArchive',
    metadata: { name: 'mail' },
    spec: { volume: { path: 'mail' } },
  });
  const { objects, problems } = parseManifests('mail.json', json);
  assert.deepEqual(problems, []);
  assert.equal(objects[0]?.resource.metadata.namespace, 'default');
});

test('an object that stands twice is a problem that names both places', () => {
  const one = parseManifests('one.yaml', imap('')).objects;
  const two = parseManifests('two.yaml', `\n\n${imap('')}`).objects;
  const other = parseManifests('other.yaml', smtp('  smtp: {}\n')).objects;
  assert.deepEqual(duplicateProblems([...one, ...other, ...two]), [
    {
      file: 'two.yaml',
      line: 3,
      column: 1,
      message:
        'ArchiveConnection default/pull stands here and in one.yaml:1; the one there is used. Rename or delete one.',
    },
  ]);
});

test('a few bytes of anchors that would fill memory are refused', () => {
  let bomb = 'a: &a [x, x, x, x, x, x, x, x, x]\n';
  for (const [name, before] of ['ba', 'cb', 'dc', 'ed', 'fe', 'gf', 'hg', 'ih'].map((pair) => [...pair])) {
    bomb += `${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]\n`;
  }
  assert.match(said(bomb).join(), /anchors of this document cannot be followed: Excessive alias count/);
});

test('a file that is nested without end is refused', () => {
  assert.ok(said('['.repeat(100_000)).length > 0);
  assert.ok(said(`a: ${'{a: '.repeat(50_000)}`).length > 0);
});

test('no text makes the reader throw, and every problem has a place', () => {
  const words = fc.constantFrom(
    ...imap('').split(/(?<=\W)|(?=\W)/),
    ...smtp('  smtp: {}\n---\n').split(/(?<=\W)|(?=\W)/),
    '&a',
    '*a',
    '<<',
    '!!binary',
    '\t',
    '"',
    "'",
    '|',
    '>',
    '%',
    '\0',
    '__proto__',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(words, { maxLength: 60 }).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(text, (yaml) => {
      const { problems } = parseManifests('fuzz.yaml', yaml);
      for (const { line, column, message } of problems) {
        assert.ok(line >= 1 && column >= 1);
        assert.notEqual(message, '');
      }
    }),
    { numRuns: 2_000 },
  );
});
