import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretObject, secretsInMemory } from '../../../test/secrets-in-memory.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import { ApiError } from '../../kube/api-error.ts';
import { keyFingerprint } from '../../plan/address.ts';
import { selfSignedCertificate } from '../certificates/self-signed.ts';
import { createGatewayMaterials } from './gateway-material.ts';

const NOW = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const KEY = 'mailhold/default-address-key';
const CERTIFICATE = 'mailhold/default-certificate';

function gateway(spec: Partial<MailGateway['spec']> = {}, more: { generation?: number; fingerprint?: string } = {}) {
  const { generation = 1, fingerprint } = more;
  // Only what is read here; the whole manifest is validated elsewhere.
  return {
    apiVersion: 'mailhold.dev/v1alpha1',
    kind: 'MailGateway',
    metadata: { namespace: 'mailhold', name: 'default', uid: 'u', generation, creationTimestamp: '' },
    spec: { hostName: 'In.Example.com', ...spec } as MailGateway['spec'],
    ...(fingerprint !== undefined && { status: { addressKeyFingerprint: fingerprint } }),
  } satisfies MailGateway;
}

function fixture() {
  const memory = secretsInMemory();
  return { ...memory, memory, materials: createGatewayMaterials(memory.client) };
}

test('a gateway that was given nothing gets a key that stays and a certificate that goes with it', async () => {
  const { objects, materials, takeCalls } = fixture();
  const { material, readAgainAt } = await materials.read(gateway(), NOW);
  assert.ok(material.addressKey instanceof Uint8Array && material.addressKey.length === 32);
  assert.equal(material.certificate?.issuedByUs, true);
  assert.match(material.selfTestKey ?? '', /^[A-Za-z0-9+/]{43}=$/);
  assert.equal(readAgainAt, NOW + 5 * MINUTE);
  assert.deepEqual(takeCalls(), [`get ${KEY}`, `create ${KEY}`, `get ${CERTIFICATE}`, `apply ${CERTIFICATE}`]);
  assert.equal(objects.get(KEY)?.metadata.ownerReferences, undefined, 'the key outlives its gateway');
  assert.equal(objects.get(CERTIFICATE)?.metadata.ownerReferences?.[0]?.uid, 'u');

  const again = await createGatewayMaterials(fixtureOf(objects).client).read(gateway(), NOW);
  assert.deepEqual(again.material, material, 'another process reads the same');
});

function fixtureOf(objects: ReturnType<typeof fixture>['objects']) {
  const memory = secretsInMemory();
  for (const [key, object] of objects) memory.objects.set(key, object);
  return memory;
}

test('nothing is read before it is due, and nothing written where nothing changed', async () => {
  const { materials, takeCalls } = fixture();
  await materials.read(gateway(), NOW);
  takeCalls();
  await materials.read(gateway(), NOW + 5 * MINUTE - 1);
  assert.deepEqual(takeCalls(), []);
  for (const read of [
    () => materials.read(gateway(), NOW + 5 * MINUTE),
    () => materials.read(gateway({}, { generation: 2 }), NOW + 5 * MINUTE),
    () => {
      materials.mark('mailhold/default');
      return materials.read(gateway({}, { generation: 2 }), NOW + 5 * MINUTE);
    },
  ]) {
    await read();
    assert.deepEqual(takeCalls(), [`get ${KEY}`, `get ${CERTIFICATE}`]);
  }
});

test('the key that another operator made first is the one', async () => {
  const { memory, objects, materials } = fixture();
  memory.meddle = (call) => {
    if (call === `create ${KEY}`) objects.set(KEY, secretObject(KEY, { key: 'k'.repeat(32) }));
  };
  const { material } = await materials.read(gateway(), NOW);
  assert.deepEqual(material.addressKey, Buffer.from('k'.repeat(32)));
});

test('a key that was used and is missing is told, and never replaced', async () => {
  const words = /^AddressKeyChanged: .*mailhold\/default-address-key.*was deleted.*backup.*--from-file=key=FILE/;
  const lost = async (materials: ReturnType<typeof createGatewayMaterials>, it: MailGateway) => {
    materials.mark('mailhold/default');
    const { material, readAgainAt } = await materials.read(it, NOW);
    const { addressKey } = material;
    assert.ok(addressKey !== undefined && !(addressKey instanceof Uint8Array));
    assert.match(`${addressKey.reason}: ${addressKey.message}`, words);
    assert.equal(readAgainAt, NOW + MINUTE / 2);
    return material;
  };
  const ofStatus = fixture();
  await lost(ofStatus.materials, gateway({}, { fingerprint: 'abc' }));

  // Status may not have been written when the Secret was deleted; the process has seen the key all the same.
  const { objects, materials } = fixture();
  const before = await materials.read(gateway(), NOW);
  const kept = objects.get(KEY);
  objects.delete(KEY);
  const material = await lost(materials, gateway());
  assert.equal(material.selfTestKey, before.material.selfTestKey, 'the receivers can still be configured');
  assert.equal(objects.has(KEY), false);
  if (kept !== undefined) objects.set(KEY, kept);
  const restored = await materials.read(gateway(), NOW + MINUTE);
  assert.deepEqual(restored.material, before.material);
});

test('a key of a Secret that the gateway names is used as its bytes are', async () => {
  const { objects, materials, takeCalls } = fixture();
  const own = gateway({ addressKeyRef: { name: 'own' } as MailGateway['spec']['addressKeyRef'] & object });
  const read = async () => {
    materials.mark('mailhold/default');
    const { addressKey } = (await materials.read(own, NOW)).material;
    return addressKey instanceof Uint8Array
      ? keyFingerprint(addressKey)
      : `${addressKey?.reason}: ${addressKey?.message}`;
  };
  assert.match(
    await read(),
    /^SecretNotFound: The Secret mailhold\/own.*kubectl create secret generic own -n mailhold/,
  );
  objects.set('mailhold/own', secretObject('mailhold/own', { value: 'x' }));
  assert.match(await read(), /^SecretKeyMissing: .* no key named "key"; it has value\./);
  objects.set('mailhold/own', secretObject('mailhold/own', { key: 'short' }));
  assert.match(await read(), /^SecretKeyMissing: .* holds 5 bytes under "key"/);
  objects.set('mailhold/own', secretObject('mailhold/own', { key: 'k'.repeat(16) }));
  assert.equal(await read(), keyFingerprint(Buffer.from('k'.repeat(16))));
  assert.ok(takeCalls().every((call) => !call.startsWith('create')));
});

test('our certificate is renewed at two thirds of its life, for another host name, and where it is damaged', async () => {
  const { objects, materials } = fixture();
  const certificate = async (now: number, it = gateway()) =>
    (await materials.read(it, now)).material.certificate?.certificate;
  const first = await certificate(NOW);
  const twoThirds = NOW + (398 * 86_400_000 * 2) / 3;
  assert.equal(await certificate(twoThirds - 6 * MINUTE * 60), first);
  const second = await certificate(twoThirds);
  assert.notEqual(second, first);
  const third = await certificate(twoThirds, gateway({ hostName: 'mx.example.com' }, { generation: 2 }));
  assert.notEqual(third, second);
  objects.set(CERTIFICATE, secretObject(CERTIFICATE, { 'tls.crt': 'nothing', 'tls.key': 'nothing' }));
  materials.mark('mailhold/default');
  assert.notEqual(await certificate(twoThirds, gateway({ hostName: 'mx.example.com' }, { generation: 2 })), third);
});

test('a given certificate is used, and the last good one goes on while the Secret is wrong', async () => {
  const { objects, materials, takeCalls } = fixture();
  const it = gateway({ tls: { certificateRef: { name: 'given' } } });
  const read = async () => {
    materials.mark('mailhold/default');
    const { certificate, certificateFault } = (await materials.read(it, NOW)).material;
    return { certificate, words: `${certificateFault?.reason}: ${certificateFault?.message}` };
  };
  assert.match((await read()).words, /^CertificateInvalid: .*mailhold\/given.*kubectl create secret tls given/);
  const pair = await selfSignedCertificate('in.example.com', NOW, NOW + 86_400_000);
  const other = await selfSignedCertificate('in.example.com', NOW, NOW + 86_400_000);
  objects.set(
    'mailhold/given',
    secretObject('mailhold/given', { 'tls.crt': pair.certificate, 'tls.key': pair.privateKey }),
  );
  const good = await read();
  assert.deepEqual(good.certificate, { ...pair, issuedByUs: false });
  const cases: [Record<string, string> | undefined, RegExp][] = [
    [undefined, /does not exist/],
    [{ 'tls.crt': pair.certificate }, /needs the keys tls.crt and tls.key; it has tls.crt/],
    [{ 'tls.crt': 'nothing', 'tls.key': pair.privateKey }, /tls.crt of the Secret mailhold\/given does not hold/],
    [{ 'tls.crt': pair.certificate, 'tls.key': other.privateKey }, /The key in tls.key of the Secret .* is not that/],
  ];
  for (const [values, words] of cases) {
    if (values === undefined) objects.delete('mailhold/given');
    else objects.set('mailhold/given', secretObject('mailhold/given', values));
    const bad = await read();
    assert.match(bad.words, words);
    assert.deepEqual(bad.certificate, good.certificate);
  }
  assert.ok(
    takeCalls().every((call) => !call.endsWith(CERTIFICATE)),
    'nothing is issued beside it',
  );
});

test('while the API server does not answer, all that was read stays; what it forbids is told', async () => {
  const { memory, materials } = fixture();
  memory.meddle = () => {
    throw new ApiError('ConnectionFailed', 'The API server cannot be reached.');
  };
  assert.deepEqual((await materials.read(gateway(), NOW)).material, {}, 'nothing is known, and nothing is wrong');
  memory.meddle = () => undefined;
  const { material } = await materials.read(gateway(), NOW + MINUTE);
  memory.meddle = () => {
    throw new ApiError('ConnectionFailed', 'The API server cannot be reached.');
  };
  const silent = await materials.read(gateway(), NOW + 10 * MINUTE);
  assert.deepEqual(silent.material, material);
  assert.equal(silent.readAgainAt, NOW + 10.5 * MINUTE);
  memory.meddle = () => {
    throw new ApiError('Forbidden', 'secrets is forbidden.');
  };
  const forbidden = await materials.read(gateway(), NOW + 20 * MINUTE);
  assert.equal(forbidden.material.certificateFault?.reason, 'SecretForbidden');
  assert.deepEqual(forbidden.material.certificate, material.certificate);
});

test('a gateway that is gone is forgotten with its keys', async () => {
  const { materials, takeCalls } = fixture();
  await materials.read(gateway(), NOW);
  materials.keep([gateway()]);
  takeCalls();
  await materials.read(gateway(), NOW);
  assert.deepEqual(takeCalls(), []);
  materials.keep([]);
  await materials.read(gateway(), NOW);
  assert.deepEqual(takeCalls(), [`get ${KEY}`, `get ${CERTIFICATE}`]);
});
