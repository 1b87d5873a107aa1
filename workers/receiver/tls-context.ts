import { createPrivateKey, hkdfSync, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Certificate } from '../process/contract.ts';
import { FaultError } from '../process/fault-error.ts';

const TICKET_KEY_BYTES = 48;

/**
 * The TLS context of the listener. Sessions resume by tickets whose key all receivers of the group derive alike, so that
 * a sender that meets another replica, or this one after a restart, is spared a full handshake.
 *
 * @param sharedKey base64 of the key that only the group's receivers hold
 * @throws FaultError CertificateInvalid, where the PEM cannot be read or the key is not the certificate's
 */
export function buildSecureContext(certificate: Certificate, sharedKey: string): SecureContext {
  try {
    const leaf = new X509Certificate(certificate.certificate);
    if (!leaf.checkPrivateKey(createPrivateKey(certificate.privateKey))) {
      throw new FaultError('CertificateInvalid', 'never', 'The private key does not belong to the certificate.');
    }
    const ticketKeys = hkdfSync(
      'sha256',
      Buffer.from(sharedKey, 'base64'),
      // Another certificate ends the tickets of the one before.
      leaf.fingerprint256,
      'mailhold-session-tickets-v1',
      TICKET_KEY_BYTES,
    );
    return createSecureContext({
      cert: certificate.certificate,
      key: certificate.privateKey,
      minVersion: 'TLSv1.2',
      ticketKeys: Buffer.from(ticketKeys),
      sessionIdContext: 'mailhold',
    });
  } catch (error) {
    if (error instanceof FaultError) throw error;
    throw new FaultError(
      'CertificateInvalid',
      'never',
      'The certificate or its private key cannot be read; both must be PEM.',
      { cause: error },
    );
  }
}
