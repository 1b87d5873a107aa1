// @peculiar/x509 looks its parts up by decorators, and asks for this first.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Name,
  PemConverter,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

/** PEM texts, the key in PKCS #8. */
export interface KeyPair {
  certificate: string;
  privateKey: string;
}

/**
 * To Kubernetes a client certificate is a user: the common name is its name, each organisation a group.
 *
 * https://kubernetes.io/docs/reference/access-authn-authz/authentication/#x509-client-certificates
 */
export interface Subject {
  name: string;
  groups?: string[];
  /** Names and addresses that it also serves under. */
  hosts?: string[];
}

export interface Authority {
  /** PEM. */
  certificate: string;
  /** A certificate that lasts a month, for a client and, where there are hosts, for a server. */
  issue(subject: Subject): Promise<KeyPair>;
}

/** A certificate authority that lives in memory alone. */
export async function certificateAuthority(): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const root = await X509CertificateGenerator.createSelfSigned(
    {
      ...lifetime(),
      name: [{ CN: ['mailhold test cluster'] }],
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.digitalSignature, true),
      ],
    },
    webcrypto,
  );
  return {
    certificate: pem(root),
    issue: async ({ name, groups = [], hosts = [] }) => {
      const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
      const names = hosts.map((host) => ({ type: isIP(host) === 0 ? ('dns' as const) : ('ip' as const), value: host }));
      const certificate = await X509CertificateGenerator.create(
        {
          ...lifetime(),
          subject: [...groups.map((group) => ({ O: [group] })), { CN: [name] }] satisfies ConstructorParameters<
            typeof Name
          >[0],
          issuer: root.subject,
          signingAlgorithm: ALGORITHM,
          signingKey: keys.privateKey,
          publicKey: own.publicKey,
          extensions: [
            new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
            new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth, ExtendedKeyUsage.serverAuth]),
            ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
          ],
        },
        webcrypto,
      );
      return { certificate: pem(certificate), privateKey: await privatePem(own.privateKey) };
    },
  };
}

/** A key without a certificate, in PKCS #8, and its public half: with one the API server signs the tokens of pods. */
export async function signingKey(): Promise<{ privateKey: string; publicKey: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const publicKey = PemConverter.encode(await webcrypto.subtle.exportKey('spki', keys.publicKey), 'PUBLIC KEY');
  return { privateKey: await privatePem(keys.privateKey), publicKey: `${publicKey}\n` };
}

function lifetime(): { serialNumber: string; notBefore: Date; notAfter: Date } {
  const serial = randomBytes(16);
  // Positive, and without a leading zero octet (RFC 5280 section 4.1.2.2).
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const now = Date.now();
  return {
    serialNumber: serial.toString('hex'),
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + 30 * DAY_MS),
  };
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  return `${PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}
