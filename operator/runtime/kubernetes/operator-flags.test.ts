import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOperatorFlags, UsageError } from './operator-flags.ts';

const LEAST = ['--namespace', 'mailhold', '--image', 'mailhold:1'];
const read = (...args: string[]) => {
  const flags = readOperatorFlags([...LEAST, ...args]);
  assert.ok(flags !== 'help');
  return flags;
};

test('with the least that is needed, all else is as in a pod', () => {
  assert.deepEqual(read(), {
    namespace: 'mailhold',
    gatewayNamespaces: ['mailhold'],
    image: 'mailhold:1',
    imagePullPolicy: 'IfNotPresent',
    probes: { host: '::', port: 8081 },
    metrics: { host: '::', port: 8080 },
    level: 'info',
  });
});

test('namespaces of gateways come with commas, each once', () => {
  assert.deepEqual(read('--gateway-namespaces', 'edge, mailhold,edge').gatewayNamespaces, ['edge', 'mailhold']);
});

const addresses: [text: string, host: string, port: number][] = [
  ['127.0.0.1:9000', '127.0.0.1', 9000],
  ['[::1]:9000', '::1', 9000],
  [':9000', '::', 9000],
  ['localhost:0', 'localhost', 0],
];
for (const [text, host, port] of addresses) {
  test(`${text} is ${host} and ${port}`, () => assert.deepEqual(read('--metrics', text).metrics, { host, port }));
}

test('help is given whatever is missing', () => {
  assert.equal(readOperatorFlags(['-h']), 'help');
});

const refused: [args: string[], why: RegExp][] = [
  [[], /--namespace is missing/],
  [['--namespace', 'mailhold'], /--image is missing/],
  [['--namespace', '', '--image', 'x'], /--namespace is missing/],
  [[...LEAST, '--gateway-namespaces', ''], /--gateway-namespaces names "", which is no namespace/],
  [[...LEAST, '--gateway-namespaces', 'a,,b'], /names "", which is no namespace/],
  [[...LEAST, '--gateway-namespaces', 'Edge'], /names "Edge", which is no namespace/],
  [[...LEAST, '--image-pull-policy', 'Sometimes'], /--image-pull-policy is one of Always, IfNotPresent, Never/],
  [[...LEAST, '--log-level', 'debug'], /--log-level is one of info, warn, error/],
  [[...LEAST, '--probes', '8081'], /--probes is ADDRESS:PORT/],
  [[...LEAST, '--probes', '::1:8081'], /--probes is ADDRESS:PORT/],
  [[...LEAST, '--probes', '[::]:70000'], /--probes is ADDRESS:PORT/],
  [[...LEAST, '--unknown'], /--unknown/],
  [[...LEAST, 'word'], /word/],
];
for (const [args, why] of refused) {
  test(`operator ${args.join(' ')} is refused in a sentence`, () => {
    assert.throws(
      () => readOperatorFlags(args),
      (error) => error instanceof UsageError && why.test(error.message),
    );
  });
}
