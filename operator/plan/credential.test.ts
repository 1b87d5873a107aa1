import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KUBERNETES_IMAP, kubernetesScene } from '../../test/kubernetes-scene.ts';
import { light, PASSWORD, served } from '../../test/plan-scene.ts';
import type { SecretReading } from './inputs.ts';
import { plan } from './plan.ts';

const secretCases: [string, SecretReading, string, RegExp][] = [
  [
    'may not be read',
    { kind: 'fault', fault: { reason: 'SecretForbidden', message: 'Mailhold may not read the Secret mail.' } },
    'False SecretForbidden',
    /may not read/,
  ],
  [
    'is missing',
    { kind: 'fault', fault: { reason: 'SecretNotFound', message: 'There is no Secret contoso/mail.' } },
    'False SecretNotFound',
    /no Secret/,
  ],
  [
    'names other hosts',
    { kind: 'password', password: PASSWORD, hosts: 'login.contoso.com, $(reboot), smtp.contoso.com' },
    'False SecretNotForHost',
    /kubectl annotate secret mail -n contoso --overwrite mailhold\.dev\/host=login\.contoso\.com,smtp\.contoso\.com,imap\.contoso\.com$/,
  ],
];

for (const [state, secret, ready, says] of secretCases) {
  test(`a connection whose Secret ${state} is ${ready}`, () => {
    const scene = kubernetesScene({}, KUBERNETES_IMAP);
    const secrets = new Map(scene.connections.map(({ metadata }) => [metadata.uid, secret]));
    const { light: lit, message } = light(plan(served({ ...scene, secrets })), 'undelivered', 'Ready');
    assert.equal(lit, ready);
    assert.match(message, says);
  });
}
