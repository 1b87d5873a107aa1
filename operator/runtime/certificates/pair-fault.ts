import { createPrivateKey, X509Certificate } from 'node:crypto';

/**
 * What is wrong with a certificate and its key that somebody gave; undefined where they fit.
 *
 * @param certificate and privateKey PEM texts
 * @param places what a person knows the two by, such as the names of their files
 */
export function pairFault(
  certificate: string,
  privateKey: string,
  places: { certificate: string; privateKey: string },
): string | undefined {
  const parsed = orUndefined(() => new X509Certificate(certificate));
  if (parsed === undefined) return `${places.certificate} does not hold a certificate in PEM.`;
  const key = orUndefined(() => createPrivateKey(privateKey));
  if (key === undefined) return `${places.privateKey} does not hold a private key in PEM without a passphrase.`;
  if (parsed.checkPrivateKey(key)) return undefined;
  return `The key in ${places.privateKey} is not that of the certificate in ${places.certificate}.`;
}

/** OpenSSL says of what it cannot parse only that it cannot. */
function orUndefined<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
