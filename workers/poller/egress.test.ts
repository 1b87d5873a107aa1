import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultError } from '../process/fault-error.ts';
import { compileEgress } from './egress.ts';

test('what is denied cannot be dialled, in any spelling, unless it is allowed', () => {
  const deny = ['127.0.0.0/8', '169.254.0.0/16', '10.0.0.0/8', '::1/128', 'fe80::/10', 'fc00::/7'];
  const egress = compileEgress({ deny, allow: ['10.1.2.0/24', 'fd00:1::/32'] });
  for (const [address, allowed] of [
    ['127.0.0.1', false],
    ['::ffff:127.0.0.1', false],
    ['::ffff:7f00:1', false],
    ['0:0:0:0:0:ffff:7f00:0001', false],
    ['::1', false],
    ['0:0:0:0:0:0:0:1', false],
    ['fe80::1%eth0', false],
    ['169.254.169.254', false],
    ['10.1.2.3', true],
    ['::ffff:10.1.2.3', true],
    ['10.1.3.3', false],
    ['fd00:1::5', true],
    ['fd00:2::5', false],
    ['203.0.113.7', true],
    ['2001:db8::7', true],
  ] as const) {
    assert.equal(egress(address), allowed, address);
  }
});

test('a range that is none is named', () => {
  for (const range of ['10.0.0.0/33', 'example.com', '10.0.0.0/', '::/129', '10.0.0.0/x']) {
    assert.throws(
      () => compileEgress({ deny: [range], allow: [] }),
      (error) => error instanceof FaultError && error.code === 'InvalidConfiguration' && error.message.includes(range),
    );
  }
});
