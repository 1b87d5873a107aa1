import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseChunk } from './bdat.ts';
import { foldVerb, parseMail, parseRcpt, Verb } from './command.ts';
import { parsePath } from './path.ts';

const mail = (line: string) => parseMail(Buffer.from(line));

const accepted: [string, { text?: string; localPart?: string; domain?: string }, object?][] = [
  ['MAIL FROM:<>', { text: '', localPart: '', domain: '' }],
  ['mail from:<A.b@Example.ORG>', { text: 'A.b@Example.ORG', localPart: 'A.b', domain: 'example.org' }],
  ['MAIL FROM: <a@b.org>', { text: 'a@b.org' }],
  ['MAIL FROM:<"a b"@x.org>', { text: '"a b"@x.org', localPart: 'a b', domain: 'x.org' }],
  ['MAIL FROM:<"a\\"@>\\\\"@x.org>', { localPart: 'a"@>\\', domain: 'x.org' }],
  ['MAIL FROM:<@relay.org,@other.org:a@x.org>', { text: 'a@x.org', domain: 'x.org' }],
  ['MAIL FROM:<a@[192.0.2.1]>', { domain: '[192.0.2.1]' }],
  ['MAIL FROM:<a@[IPv6:2001:db8::1]>', { domain: '[ipv6:2001:db8::1]' }],
  ['MAIL FROM:<alone>', { localPart: 'alone', domain: '' }],
  ['MAIL FROM:<a@b.org> SIZE=12345 BODY=8BITMIME', {}, { size: 12345, binary: false }],
  ['MAIL FROM:<a@b.org> body=binarymime smtputf8', {}, { binary: true, smtpUtf8: true }],
  ['MAIL FROM:<a@b.org>  SIZE=1 ', {}, { size: 1 }],
  ['MAIL FROM:<é@ü.org> SMTPUTF8', { localPart: 'é', domain: 'ü.org' }, { smtpUtf8: true }],
];
for (const [line, path, more] of accepted) {
  test(`accepted: ${line}`, () => {
    const command = mail(line);
    assert.ok(command.ok);
    assert.partialDeepStrictEqual(command.path, path);
    assert.partialDeepStrictEqual(command, more ?? {});
  });
}

const refused: [string | Buffer, string][] = [
  ['MAIL', '501 5.1.7'],
  ['MAIL FROM', '501 5.1.7'],
  ['MAIL FROM:', '501 5.1.7'],
  ['MAIL FROM:a@b.org', '501 5.1.7'],
  ['MAIL FROM:<a@b.org', '501 5.1.7'],
  ['MAIL FROM:<a@@b.org>', '501 5.1.7'],
  ['MAIL FROM:<@b.org>', '501 5.1.7'],
  ['MAIL FROM:<a@>', '501 5.1.7'],
  ['MAIL FROM:<a b@c.org>', '501 5.1.7'],
  ['MAIL FROM:<"open@c.org>', '501 5.1.7'],
  ['MAIL FROM:<a@b.org>x', '501 5.5.4'],
  ['MAIL FROM:<a@b.org> SIZE', '501 5.5.4'],
  ['MAIL FROM:<a@b.org> SIZE=-1', '501 5.5.4'],
  ['MAIL FROM:<a@b.org> SIZE=1e3', '501 5.5.4'],
  ['MAIL FROM:<a@b.org> SIZE=1 SIZE=2', '501 5.5.4'],
  ['MAIL FROM:<a@b.org> BODY=9BIT', '501 5.5.4'],
  ['MAIL FROM:<a@b.org> SMTPUTF8=1', '501 5.5.4'],
  ['MAIL FROM:<a@b.org> RET=FULL', '555 5.5.4'],
  ['MAIL FROM:<a@b.org> AUTH=<>', '555 5.5.4'],
  ['MAIL FROM:<é@b.org>', '553 5.6.7'],
  [Buffer.from('MAIL FROM:<\xe9@b.org> SMTPUTF8', 'latin1'), '501 5.1.7'],
];
for (const [line, code] of refused) {
  test(`refused with ${code}: ${line.toString('latin1')}`, () => {
    const command = parseMail(Buffer.from(line as string));
    assert.ok(!command.ok);
    assert.ok(command.reply.text.startsWith(code), command.reply.text);
  });
}

test('RCPT takes a path alone, and UTF-8 only where MAIL declared it', () => {
  const rcpt = (line: string, utf8 = false) => {
    const command = parseRcpt(Buffer.from(line), utf8);
    return command.ok ? command.path.text : command.reply.text.slice(0, 9);
  };
  assert.equal(rcpt('RCPT TO:<a@b.org>'), 'a@b.org');
  assert.equal(rcpt('rcpt to:<Postmaster>'), 'Postmaster');
  assert.equal(rcpt('RCPT TO:<>'), '501 5.1.3');
  assert.equal(rcpt('RCPT TO:<a@b.org> NOTIFY=NEVER'), '555 5.5.4');
  assert.equal(rcpt('RCPT TO:<é@b.org>'), '553 5.6.7');
  assert.equal(rcpt('RCPT TO:<é@b.org>', true), 'é@b.org');
});

test('a verb is known by its first four letters in any case', () => {
  assert.equal(foldVerb(Buffer.from('MaIl FROM:<>')), Verb.MAIL);
  assert.equal(foldVerb(Buffer.from('QUIT')), Verb.QUIT);
  assert.equal(foldVerb(Buffer.from('QUI')), 0);
  assert.equal(new Set(Object.values(Verb)).size, Object.keys(Verb).length);
});

test('BDAT: sizes and LAST, and nothing that can be misread', () => {
  assert.deepEqual(parseChunk(' 10'), { size: 10, last: false });
  assert.deepEqual(parseChunk(' 0 last'), { size: 0, last: true });
  for (const bad of ['', ' ', ' x', ' -1', ' 1.5', ' 10 FIRST', ' 10 LAST 1', ' 1e3', ' 0x10', ` ${'9'.repeat(16)}`]) {
    assert.equal(parseChunk(bad), undefined, bad);
  }
});

test('no line makes a parser throw, and a path never reaches over its bracket', () => {
  const piece = fc.constantFrom('<', '>', '@', '"', '\\', ' ', ':', '=', 'a', 'é', '[', ']', 'SIZE', 'BODY', ',', '\0');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      parseMail(Buffer.from(`MAIL FROM:${text}`));
      parseRcpt(Buffer.from(`RCPT TO:${text}`), true);
      const path = parsePath(text, 0);
      if (path !== undefined) assert.equal(text.charAt(path.end - 1), '>');
    }),
    { numRuns: 5_000 },
  );
});
