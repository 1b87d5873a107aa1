import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, createServer } from 'node:tls';
import { selfSignedCertificate } from '../certificates/self-signed.ts';
import { issuedCertificate } from './certificate.ts';

const DAY_MS = 86_400_000;

async function file(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-certificate-'));
  t.after(() => rm(folder, { recursive: true }));
  return join(folder, 'gateway.pem');
}

for (const host of ['in.archive.example.com', 'localhost', `${'a'.repeat(60)}.${'b'.repeat(60)}.example.com`]) {
  test(`a TLS client that trusts exactly the certificate verifies it for ${host.slice(0, 30)}`, async (t) => {
    const { certificate, privateKey } = await selfSignedCertificate(host, Date.now() - 1_000, Date.now() + DAY_MS);
    const server = createServer({ cert: certificate, key: privateKey, minVersion: 'TLSv1.3' }, (socket) =>
      socket.end(),
    );
    t.after(() => server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const dial = (servername: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect({ port, host: '127.0.0.1', servername, ca: certificate }, () => {
          socket.destroy();
          resolve('verified');
        });
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      });
    assert.equal(await dial(host), 'verified');
    assert.equal(await dial('other.example.com'), 'ERR_TLS_CERT_ALTNAME_INVALID');
  });
}

test('the certificate is for one host, with a key of its own, and no authority', async () => {
  const { certificate } = await selfSignedCertificate('in.example.com', Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1));
  const parsed = new X509Certificate(certificate);
  assert.equal(parsed.subjectAltName, 'DNS:in.example.com');
  assert.equal(parsed.ca, false);
  assert.equal(parsed.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  assert.deepEqual([parsed.validFrom, parsed.validTo], ['Jan  1 00:00:00 2026 GMT', 'Jan  1 00:00:00 2027 GMT']);
  assert.ok(parsed.verify(parsed.publicKey));
});

test('it is kept until two thirds of its life have passed', async (t) => {
  const path = await file(t);
  const now = Date.now();
  const first = await issuedCertificate(path, 'in.example.com', now);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  const life = Date.parse(new X509Certificate(first.certificate).validTo) - now;
  assert.ok(Math.abs(first.renewAt - now - (life * 2) / 3) < 3_600_000);
  assert.deepEqual(await issuedCertificate(path, 'in.example.com', first.renewAt - 1), first);
  const second = await issuedCertificate(path, 'in.example.com', first.renewAt);
  assert.notEqual(second.certificate, first.certificate);
  assert.ok(second.renewAt > first.renewAt);
});

test('another host name or a damaged file gets a new one', async (t) => {
  const path = await file(t);
  const first = await issuedCertificate(path, 'in.example.com', Date.now());
  const other = await issuedCertificate(path, 'mx.example.com', Date.now());
  assert.notEqual(other.certificate, first.certificate);
  await writeFile(path, (await readFile(path, 'utf8')).replace(/[A-Z]{4}/, '????'));
  const mended = await issuedCertificate(path, 'mx.example.com', Date.now());
  assert.notEqual(mended.certificate, other.certificate);
});
