import { type KeyPair, signCertificate } from './sign-certificate.ts';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
} from './x509.ts';

/**
 * A self-signed server certificate with an ECDSA P-256 key for one host name.
 *
 * @param notBefore and notAfter in ms since 1970
 */
export async function selfSignedCertificate(hostName: string, notBefore: number, notAfter: number): Promise<KeyPair> {
  return await signCertificate({
    commonName: hostName,
    notBefore,
    notAfter,
    extensions: () => [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([{ type: 'dns', value: hostName }]),
    ],
  });
}
