import { type KeyPair, signCertificate } from './sign-certificate.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
} from './x509.ts';

/** From when to when a certificate holds, in ms since 1970. */
export interface Validity {
  notBefore: number;
  notAfter: number;
}

/** A private authority that signs end certificates only (RFC 5280 section 4.2.1.9). */
export async function newAuthority(commonName: string, validity: Validity): Promise<KeyPair> {
  return await signCertificate({
    commonName,
    ...validity,
    extensions: async ({ publicKey }) => [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
}

/** A certificate for a server with these names. */
export async function signServer(issuer: KeyPair, names: readonly string[], validity: Validity): Promise<KeyPair> {
  const alternatives = new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })));
  return await signEnd(issuer, names[0] ?? '', ExtendedKeyUsage.serverAuth, [alternatives], validity);
}

/** A certificate to show to a server, which knows the client by the common name. */
export async function signClient(issuer: KeyPair, commonName: string, validity: Validity): Promise<KeyPair> {
  return await signEnd(issuer, commonName, ExtendedKeyUsage.clientAuth, [], validity);
}

async function signEnd(
  issuer: KeyPair,
  commonName: string,
  usage: ExtendedKeyUsage,
  more: readonly Extension[],
  validity: Validity,
): Promise<KeyPair> {
  return await signCertificate({
    commonName,
    ...validity,
    issuer,
    extensions: async () => [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([usage]),
      await AuthorityKeyIdentifierExtension.create(new X509Certificate(issuer.certificate).publicKey),
      ...more,
    ],
  });
}
