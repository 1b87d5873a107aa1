import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MailGateway } from '../../api/mail-gateway.ts';
import { selfSignedCertificate } from '../certificates/self-signed.ts';
import { createGatewayMaterials, materialFolders, type ReadMaterial } from './gateway-material.ts';
import { openState } from './state.ts';

const NOW = Date.UTC(2026, 0, 1);

function gateway(spec: Partial<MailGateway['spec']> = {}): MailGateway {
  // Only what is read here; the whole manifest is validated elsewhere.
  return {
    apiVersion: 'mailhold.dev/v1alpha1',
    kind: 'MailGateway',
    metadata: { namespace: 'mailhold', name: 'default', uid: 'u', generation: 1, creationTimestamp: '' },
    spec: { hostName: 'In.Example.com', ...spec } as MailGateway['spec'],
  };
}

async function fixture(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-material-'));
  t.after(() => rm(folder, { recursive: true }));
  const materials = createGatewayMaterials(folder, await openState(join(folder, 'state')));
  return { folder, put: (name: string, text: string) => writeFile(join(folder, name), text), materials };
}

function certificateWords({ material }: ReadMaterial): string {
  return `${material.certificateFault?.reason}: ${material.certificateFault?.message}`;
}

test('a gateway that was given nothing gets keys and a certificate, and keeps them', async (t) => {
  const { materials } = await fixture(t);
  const first = await materials.read(gateway(), NOW);
  assert.equal(first.material.certificate?.issuedByUs, true);
  assert.ok(first.material.addressKey instanceof Uint8Array && first.material.addressKey.length === 32);
  assert.ok((first.renewAt ?? 0) > NOW);
  assert.deepEqual(await materials.read(gateway(), NOW + 1), first);
  const renewed = await materials.read(gateway(), first.renewAt ?? 0);
  assert.notEqual(renewed.material.certificate?.certificate, first.material.certificate?.certificate);
  assert.deepEqual(renewed.material.addressKey, first.material.addressKey);
});

test('a given certificate is used, and the last good one goes on while the files are wrong', async (t) => {
  const { folder, put, materials } = await fixture(t);
  const tls = { certificateFile: 'tls.crt', keyFile: 'tls.key' };
  assert.deepEqual(materialFolders(folder, gateway({ tls })), [folder, folder]);
  assert.match(
    certificateWords(await materials.read(gateway({ tls }), NOW)),
    /^CertificateInvalid.*tls.crt does not exist/,
  );

  const pair = await selfSignedCertificate('in.example.com', NOW, NOW + 86_400_000);
  await put('tls.crt', pair.certificate);
  await put('tls.key', pair.privateKey);
  const good = await materials.read(gateway({ tls }), NOW);
  assert.deepEqual(good.material.certificate, { ...pair, issuedByUs: false });

  const other = await selfSignedCertificate('in.example.com', NOW, NOW + 86_400_000);
  const cases: [string, string, RegExp][] = [
    ['tls.key', other.privateKey, /The key in tls.key is not that of the certificate in tls.crt/],
    ['tls.key', 'nothing', /tls.key does not hold a private key/],
    ['tls.crt', 'nothing', /tls.crt does not hold a certificate/],
  ];
  for (const [file, text, words] of cases) {
    await put(file, text);
    const bad = await materials.read(gateway({ tls }), NOW);
    assert.match(certificateWords(bad), words);
    assert.deepEqual(bad.material.certificate, good.material.certificate);
  }
});

test('an address key of a file is used; a wrong one is told, never replaced', async (t) => {
  const { put, materials } = await fixture(t);
  const own = gateway({ addressKeyRef: { file: 'key' } as MailGateway['spec']['addressKeyRef'] & object });
  const read = async () => (await materials.read(own, NOW)).material.addressKey;
  assert.deepEqual(await read(), { reason: 'SecretNotFound', message: 'The file key does not exist.' });
  await put('key', 'short\n');
  assert.match(JSON.stringify(await read()), /SecretKeyMissing.*16 bytes or more in base64/);
  await put('key', `${Buffer.alloc(32, 7).toString('base64')}\n`);
  assert.deepEqual(await read(), Buffer.alloc(32, 7));
});
