import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultError } from './fault-error.ts';
import { readWorkerFlags } from './worker-flags.ts';

const read = (flags: string) => readWorkerFlags(flags.split(' '));

test('the flags of a worker of a machine', () => {
  assert.deepEqual(read('--config c --status /run/s.sock --exit-with-stdin'), {
    config: 'c',
    status: { kind: 'socket', path: '/run/s.sock' },
    exitWithStdin: true,
  });
  assert.deepEqual(read('--config c --status 8460').status, { kind: 'tcp', address: '127.0.0.1', port: 8460 });
});

test('the flags of a worker in a pod', () => {
  assert.deepEqual(read('--config c --status [::]:8443 --status-tls t --probes [::]:8080'), {
    config: 'c',
    status: { kind: 'tcp', address: '::', port: 8443 },
    statusTls: 't',
    probes: { kind: 'tcp', address: '::', port: 8080 },
    exitWithStdin: false,
  });
});

const refused: [flags: string, why: RegExp][] = [
  ['--status 1', /--config and --status are needed/],
  ['--config c', /--config and --status are needed/],
  ['--config c --status [::]:8443', /can be reached from outside, so it needs keys.*--status-tls/],
  ['--config c --status 10.0.0.1:8443', /--status-tls/],
  ['--config c --status s.sock --status-tls t', /is a socket/],
  ['--config c --status localhost:1', /"localhost:1" is no address to listen on/],
  ['--config c --status 1 --probes s.sock', /--probes s\.sock is no address/],
  ['--config c --status 1 --wrong', /--wrong/],
];
for (const [flags, why] of refused) {
  test(`${flags} is refused in a sentence`, () => {
    assert.throws(
      () => read(flags),
      (error) => error instanceof FaultError && error.retry === 'never' && why.test(error.message),
    );
  });
}
