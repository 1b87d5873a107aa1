// @peculiar/x509 looks its parts up by decorators, and asks for this first.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const FROM = new Date('2026-01-01T00:00:00Z');
const UNTIL = new Date('2049-01-01T00:00:00Z');
const USAGES = { server: ExtendedKeyUsage.serverAuth, client: ExtendedKeyUsage.clientAuth } as const;

/** PEM texts. */
export interface Issued {
  certificate: string;
  privateKey: string;
}

export interface IssueOptions {
  /** Common name, and a DNS name of the certificate. */
  name: string;
  usages: readonly (keyof typeof USAGES)[];
  notAfter?: Date;
}

/** A private authority, as the operator has one for its workers. */
export interface Authority {
  /** PEM of its own certificate. */
  certificate: string;
  issue(options: IssueOptions): Promise<Issued>;
}

export async function createAuthority(): Promise<Authority> {
  const keys = await newKeys();
  const own = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=authority of a test',
      notBefore: FROM,
      notAfter: UNTIL,
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [new BasicConstraintsExtension(true, 0, true)],
    },
    webcrypto,
  );
  return {
    certificate: `${own.toString('pem')}\n`,
    issue: async ({ name, usages, notAfter = UNTIL }) => {
      const leafKeys = await newKeys();
      const leaf = await X509CertificateGenerator.create(
        {
          subject: [{ CN: [name] }],
          issuer: own.subject,
          notBefore: FROM,
          notAfter,
          signingAlgorithm: ALGORITHM,
          publicKey: leafKeys.publicKey,
          signingKey: keys.privateKey,
          extensions: [
            new SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
            ...(usages.length === 0 ? [] : [new ExtendedKeyUsageExtension(usages.map((usage) => USAGES[usage]))]),
          ],
        },
        webcrypto,
      );
      const key = await webcrypto.subtle.exportKey('pkcs8', leafKeys.privateKey);
      return {
        certificate: `${leaf.toString('pem')}\n`,
        privateKey: `${PemConverter.encode(key, 'PRIVATE KEY')}\n`,
      };
    },
  };
}

function newKeys() {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}
