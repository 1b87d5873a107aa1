import { X509Certificate } from 'node:crypto';
import type { Validity } from './authority.ts';

/** A peer whose clock is a little late must not find the certificate "not yet valid". */
const BACKDATE_MS = 3_600_000;

/** @param now and lifeMs in ms */
export function validityFrom(now: number, lifeMs: number): Validity {
  const notBefore = now - BACKDATE_MS;
  return { notBefore, notAfter: notBefore + lifeMs };
}

/** When a certificate that we issued is to be replaced: at two thirds of its life, in ms since 1970. */
export function renewalTime(certificate: string): number {
  const { validFrom, validTo } = new X509Certificate(certificate);
  const from = Date.parse(validFrom);
  return from + ((Date.parse(validTo) - from) * 2) / 3;
}
