import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReceiverConnection } from '../process/contract.ts';
import { checkCharacters, isJournalLocalPart } from './address.ts';
import { decide, type Question } from './policy.ts';
import { compileRanges, peerAddress } from './ranges.ts';
import type { Recipient } from './served.ts';
import { entry, HOST, localPart } from './testing/receiver.ts';

test('check characters are the first 30 bits of the digest, five at a time', () => {
  // sha256sum of "mailhold-address-v1", NUL and 26 zeros begins with these bits.
  assert.equal(checkCharacters('0'.repeat(26)), 'ka6pbx');
});

test('only lower-case Crockford base32 of the right length with fitting check characters is an address of ours', () => {
  const good = localPart('k3v5t0a4m2q7x9c1d6h8n2p4r5');
  assert.equal(isJournalLocalPart(good), true);
  const last = good.at(-1) === '0' ? '1' : '0';
  for (const bad of [
    '',
    good.slice(1),
    `${good}0`,
    good.toUpperCase(),
    good.slice(0, -1) + last,
    good.replace('k', 'l'),
  ]) {
    assert.equal(isJournalLocalPart(bad), false, bad);
  }
});

const recipient = (changes: Partial<ReceiverConnection>): Recipient => {
  const made = entry('a', changes);
  return {
    entry: made,
    ranges: compileRanges(made.senderRanges),
    target: { namespace: 'contoso', name: 'a', uid: 'a', generation: 1 },
    label: 'contoso/a',
    get board(): never {
      throw new Error('a decision writes nothing');
    },
  };
};

const inside = '203.0.113.9';
const outside = '198.51.100.1';
const ranges = { senderRanges: ['203.0.113.0/24', '2001:db8::/32'] };
const cases: [string, Partial<ReceiverConnection>, Partial<Question> & { from?: string }, string][] = [
  ['enabled', {}, {}, 'accept'],
  ['upper case', {}, { localPart: localPart('a').toUpperCase() }, 'accept'],
  ['a retiring address', { localParts: [localPart('b'), localPart('a')] }, {}, 'accept'],
  ['not ours', {}, { localPart: 'postmaster' }, '550 5.1.1'],
  ['nearly ours', {}, { localPart: 'z'.repeat(32) }, '550 5.1.1'],
  ['well-formed but unknown', {}, { localPart: localPart('gone') }, '450 4.2.1'],
  ['ours in a domain that we do not serve', {}, { domain: 'old.example.com' }, '450 4.2.1'],
  ['not ours in another domain', {}, { domain: 'x.org', localPart: 'a' }, '550 5.1.1'],
  ['disabled', { state: 'Disabled' }, {}, '450 4.2.1'],
  ['disabled for good', { state: 'Disabled', whenDisabled: 'Reject' }, {}, '550 5.2.1'],
  ['disabled, tested from inside', { state: 'Disabled' }, { selfTest: true }, 'accept'],
  ['inside the ranges', ranges, { from: inside }, 'accept'],
  ['inside the IPv6 range', ranges, { from: '2001:db8::7' }, 'accept'],
  ['an IPv4 peer of a dual-stack listener', ranges, { from: `::ffff:${inside}` }, 'accept'],
  ['outside the ranges', ranges, { from: outside }, '450 4.7.1'],
  ['outside the ranges, for good', { ...ranges, outsideRanges: 'Reject' }, { from: outside }, '550 5.7.1'],
  ['outside the ranges, tested from inside', ranges, { from: outside, selfTest: true }, 'accept'],
  ['TLS below the floor', { minimumTLS: 'TLSv1.3' }, {}, '451 4.7.0'],
  ['TLS at the floor', { minimumTLS: 'TLSv1.3' }, { tlsVersion: 'TLSv1.3' }, 'accept'],
  ['disabled and outside: disabled is told', { ...ranges, state: 'Disabled' }, { from: outside }, '450 4.2.1'],
];
for (const [name, changes, { from = inside, ...question }, expected] of cases) {
  test(`RCPT policy: ${name}: ${expected}`, () => {
    const one = recipient(changes);
    const decision = decide(
      {
        localPart: localPart('a'),
        domain: HOST,
        peer: peerAddress(from),
        tlsVersion: 'TLSv1.2',
        selfTest: false,
        ...question,
      },
      { journalDomain: HOST, recipients: new Map(one.entry.localParts.map((part) => [part, one])) },
    );
    assert.equal(decision.kind === 'accept' ? 'accept' : decision.reply.text.slice(0, 9), expected);
  });
}

test('a range that is none is named', () => {
  for (const bad of [
    '203.0.113.0/33',
    '203.0.113.0/',
    'example.com',
    '1.2.3',
    '2001:db8::/129',
    '1.2.3.4/8/9',
    '::/x',
  ]) {
    assert.throws(() => compileRanges([bad]), { code: 'InvalidConfiguration', message: new RegExp(`"${bad}"`) });
  }
  assert.equal(compileRanges([]), undefined);
  assert.equal(compileRanges(['192.0.2.7'])?.check('192.0.2.7'), true);
});
