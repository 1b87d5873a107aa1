import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Preview } from './parse-preview.ts';
import { type PreviewOptions, previewMessage } from './preview.ts';

const report = [
  'From: "Microsoft Outlook" <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@contoso.example>',
  'To: <journal@in.archive.example>',
  'Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=',
  'X-MS-Journal-Report:',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="b"',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'Sender: ann@contoso.example',
  'To: bob@contoso.example',
  '',
  '--b',
  'Content-Type: message/rfc822',
  '',
  'From: ann@contoso.example',
  'Subject: the original',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="c"',
  '',
  '--c',
  'Content-Type: text/plain',
  '',
  'Hello Bob',
  '--c',
  'Content-Type: application/pdf; name="offer.pdf"',
  'Content-Transfer-Encoding: base64',
  '',
  'AAECAw==',
  '--c--',
  '--b--',
  '',
].join('\r\n');

async function preview(message: string | Buffer, options?: PreviewOptions): Promise<Preview> {
  const bytes = Buffer.from(message);
  const result = await previewMessage(bytes, bytes.length, options);
  assert.ok(result.kind === 'preview', result.kind === 'none' ? result.why : '');
  return result.preview;
}

test('a journal report shows its envelope, and the mail that it reports with what is attached to that', async () => {
  const { journalReport, headers, text, attachments, messages } = await preview(report);
  assert.equal(journalReport, true);
  assert.deepEqual(headers.at(-1), { name: 'Subject', value: 'Grüße' });
  assert.equal(text.trim(), 'Sender: ann@contoso.example\nTo: bob@contoso.example');
  assert.deepEqual(attachments, []);
  const [original, ...more] = messages;
  assert.equal(more.length, 0);
  assert.equal(original?.journalReport, false);
  assert.equal(original?.text.trim(), 'Hello Bob');
  assert.deepEqual(original?.headers, [
    { name: 'From', value: 'ann@contoso.example' },
    { name: 'Subject', value: 'the original' },
  ]);
  assert.deepEqual(original?.attachments, [{ name: 'offer.pdf', type: 'application/pdf', bytes: 4 }]);
});

const odd: [what: string, message: Buffer][] = [
  ['nothing at all', Buffer.alloc(0)],
  ['neither headers nor a body', Buffer.from('\r\n\r\n')],
  ['every byte there is', Buffer.from(Array.from({ length: 256 }, (_, i) => i))],
  ['eight-bit headers', Buffer.from('Subject: gr\xfc\xdfe\r\n\r\nx', 'latin1')],
  ['a multipart without its parts', Buffer.from('Content-Type: multipart/mixed; boundary="b"\r\n\r\nx')],
  ['an unknown charset', Buffer.from('Content-Type: text/plain; charset=klingon\r\n\r\nx')],
];
for (const [what, message] of odd) {
  test(`a message of ${what} has a preview all the same`, async () => {
    assert.deepEqual((await preview(message)).messages, []);
  });
}

test('HTML alone is shown without its tags', async () => {
  const { text, fromHTML } = await preview('Content-Type: text/html\r\n\r\n<p>Hello <b>Bob</b></p><p>&amp; Ann</p>');
  assert.equal(fromHTML, true);
  assert.equal(text, 'Hello Bob\n\n& Ann');
});

test('nested tables that are never closed, a megabyte of them, cost no time', async () => {
  const tables = '<table><tr><td>'.repeat(70_000);
  const { text, notes } = await preview(`Content-Type: text/html\r\n\r\n<p>Hello</p>${tables}`, { deadlineMs: 5_000 });
  assert.match(text, /^Hello/);
  assert.match(notes.join(), /^The text was cut after 262144 of 1050\d+ characters\.$/);
});

test('a message within a message within a message is an attachment past the third', async () => {
  const forwarded = (message: string): string => `Content-Type: message/rfc822\r\n\r\n${message}`;
  const deep = `MIME-Version: 1.0\r\n${[1, 2, 3, 4, 5].reduce((inner) => forwarded(inner), 'Subject: x\r\n\r\nbody')}`;
  let depth = 1;
  let level: Preview | undefined = await preview(deep);
  for (; level.messages[0] !== undefined; depth += 1) level = level.messages[0];
  assert.equal(depth, 3);
  assert.deepEqual(
    level.attachments.map(({ type }) => type),
    ['message/rfc822'],
  );
});

test('of a message past the limit the beginning is shown, and that this is not all', async () => {
  const { text, notes } = await preview(`Subject: x\r\n\r\n${'0123456789\r\n'.repeat(1_000)}`, {
    limits: { messageBytes: 1_000 },
  });
  assert.match(text, /^0123456789/);
  assert.deepEqual(notes, ['Only the first 1000 of 12014 bytes were parsed.']);
});

const refused: [what: string, message: string, why: RegExp, options?: PreviewOptions][] = [
  [
    'a header of a megabyte',
    `Subject: x\r\nX-Long: ${'a'.repeat(1024 * 1024)}\r\n\r\nbody`,
    /^The parser refused it: /,
  ],
  [
    'ten thousand parts',
    `Content-Type: multipart/mixed; boundary="b"\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(10_000)}--b--`,
    /^The parser refused it: /,
  ],
  ['a deadline that is past', report, /^It took more than 1 ms\.$/, { deadlineMs: 1 }],
];
for (const [what, message, why, options] of refused) {
  test(`${what}: no preview, and why`, async () => {
    const bytes = Buffer.from(message);
    const result = await previewMessage(bytes, bytes.length, options);
    assert.equal(result.kind, 'none');
    assert.match(result.kind === 'none' ? result.why : '', why);
  });
}
