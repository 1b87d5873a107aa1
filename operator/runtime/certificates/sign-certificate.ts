import { randomBytes, webcrypto } from 'node:crypto';
import { type Extension, PemConverter, X509Certificate, X509CertificateGenerator } from './x509.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** PEM texts; the key in PKCS #8. */
export interface KeyPair {
  certificate: string;
  privateKey: string;
}

export interface CertificateWish {
  /** A longer one than 64 characters (RFC 5280 appendix A.1, ub-common-name) is left out. */
  commonName: string;
  /** ms since 1970. */
  notBefore: number;
  notAfter: number;
  extensions: (keys: webcrypto.CryptoKeyPair) => Promise<Extension[]> | Extension[];
  /** Left out: it signs itself. */
  issuer?: KeyPair;
}

/** A new ECDSA P-256 key, and a certificate for it (RFC 5280). */
export async function signCertificate(wish: CertificateWish): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const common = {
    serialNumber: serialNumber(),
    notBefore: new Date(wish.notBefore),
    notAfter: new Date(wish.notAfter),
    signingAlgorithm: ALGORITHM,
    extensions: await wish.extensions(keys),
  };
  // Verifiers read the alternative names alone.
  const subject = [{ CN: [wish.commonName.length <= 64 ? wish.commonName : 'mailhold'] }];
  const certificate =
    wish.issuer === undefined
      ? await X509CertificateGenerator.createSelfSigned({ ...common, name: subject, keys }, webcrypto)
      : await X509CertificateGenerator.create(
          {
            ...common,
            subject,
            issuer: new X509Certificate(wish.issuer.certificate).subject,
            publicKey: keys.publicKey,
            signingKey: await importKey(wish.issuer.privateKey),
          },
          webcrypto,
        );
  return {
    certificate: `${certificate.toString('pem')}\n`,
    privateKey: `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')}\n`,
  };
}

/** Positive, and without a leading zero octet (RFC 5280 section 4.1.2.2). */
function serialNumber(): string {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial.toString('hex');
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  return await webcrypto.subtle.importKey('pkcs8', PemConverter.decodeFirst(pem), ALGORITHM, false, ['sign']);
}
