import { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Certificate } from '../process/contract.ts';

/** What a sender would have against the certificate that was shown, in words; undefined where nothing. */
export function certificateProblem(
  socket: TLSSocket,
  leaf: X509Certificate | undefined,
  hostName: string,
  certificate: Certificate,
): string | undefined {
  if (leaf === undefined) return 'the server showed none';
  if (leaf.checkHost(hostName) === undefined) {
    return `it is for ${leaf.subjectAltName?.replaceAll('DNS:', '') ?? 'no name at all'}`;
  }
  if (certificate.issuedByUs && !isLeafOf(leaf, certificate)) return 'it is not the one that this gateway issued';
  if (!socket.authorized) return unverified(String(socket.authorizationError ?? 'unknown reason'));
  return undefined;
}

/** True where the certificate that was shown is the configured one, in its form as PEM or at the head of a chain. */
export function isLeafOf({ fingerprint256 }: X509Certificate, { certificate }: Certificate): boolean {
  return fingerprint256 === new X509Certificate(certificate).fingerprint256;
}

/** In words for the owner of the certificate, with the code that a search finds. */
function unverified(code: string): string {
  const words = UNVERIFIED[code];
  return words === undefined ? code : `${words} (${code})`;
}

const NOT_TRUSTED =
  'senders that verify will not deliver; where they trust its authority, give that in spec.tls.caBundle of the MailGateway';
const UNVERIFIED: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: `it is self-signed, and ${NOT_TRUSTED}`,
  SELF_SIGNED_CERT_IN_CHAIN: `its root is not public, and ${NOT_TRUSTED}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its issuer is not public, or the intermediate certificate is missing in the file; ${NOT_TRUSTED}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `its issuer is not public, or the intermediate certificate is missing in the file; ${NOT_TRUSTED}`,
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
};
