import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultError } from './fault-error.ts';
import { addressText, isLocal, type ListenAddress, parseListenAddress } from './listen-address.ts';

const cases: [text: string, address: ListenAddress, local: boolean][] = [
  ['8443', { kind: 'tcp', address: '127.0.0.1', port: 8443 }, true],
  ['127.0.0.2:1', { kind: 'tcp', address: '127.0.0.2', port: 1 }, true],
  ['0.0.0.0:8443', { kind: 'tcp', address: '0.0.0.0', port: 8443 }, false],
  ['[::]:8443', { kind: 'tcp', address: '::', port: 8443 }, false],
  ['[::1]:0', { kind: 'tcp', address: '::1', port: 0 }, true],
  ['/run/mailhold/status.sock', { kind: 'socket', path: '/run/mailhold/status.sock' }, true],
  ['/run/a:80', { kind: 'socket', path: '/run/a:80' }, true],
  ['status.sock', { kind: 'socket', path: 'status.sock' }, true],
];

for (const [text, address, local] of cases) {
  test(`${text} is ${JSON.stringify(address)}`, () => {
    const parsed = parseListenAddress(text);
    assert.deepEqual(parsed, address);
    assert.equal(isLocal(parsed), local);
    if (parsed.kind === 'tcp' && text.includes(':')) assert.equal(addressText(parsed.address, parsed.port), text);
  });
}

for (const text of [
  'localhost:80',
  ':::80',
  '::1:80',
  '[1.2.3.4]:80',
  '1.2.3.4:',
  '65536',
  '[::]:65536',
  '1.2.3:80',
  ':80',
]) {
  test(`${text} is no address`, () => {
    assert.throws(
      () => parseListenAddress(text),
      (error) => error instanceof FaultError && error.code === 'InvalidConfiguration' && error.message.endsWith('.'),
    );
  });
}
