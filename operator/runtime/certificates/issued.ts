import { X509Certificate } from 'node:crypto';
import { renewalTime, validityFrom } from './life.ts';
import { pairFault } from './pair-fault.ts';
import { selfSignedCertificate } from './self-signed.ts';
import type { KeyPair } from './sign-certificate.ts';

/** The longest life that the public rules for server certificates allow; some verifiers apply it to every certificate. */
const LIFE_MS = 398 * 86_400_000;

/** The self-signed certificate of a gateway that was given none. */
export interface IssuedCertificate extends KeyPair {
  /** When it is to be replaced: two thirds of its life, in ms since 1970. */
  renewAt: number;
}

/** @param now ms since 1970 */
export async function issueCertificate(hostName: string, now: number): Promise<IssuedCertificate> {
  const { notBefore, notAfter } = validityFrom(now, LIFE_MS);
  const issued = await selfSignedCertificate(hostName, notBefore, notAfter);
  return { ...issued, renewAt: renewalTime(issued.certificate) };
}

/**
 * One that was kept, where it goes on serving.
 *
 * @returns undefined where it is of another name, damaged or due. Nobody but the gateway's own test trusts a certificate
 *   that signs itself, so that it may always be replaced.
 */
export function keptCertificate(kept: Partial<KeyPair>, hostName: string, now: number): IssuedCertificate | undefined {
  const { certificate, privateKey } = kept;
  if (certificate === undefined || privateKey === undefined) return undefined;
  if (pairFault(certificate, privateKey, { certificate: 'it', privateKey: 'it' }) !== undefined) return undefined;
  if (new X509Certificate(certificate).checkHost(hostName, { wildcards: false }) === undefined) return undefined;
  const renewAt = renewalTime(certificate);
  return now < renewAt ? { certificate, privateKey, renewAt } : undefined;
}
