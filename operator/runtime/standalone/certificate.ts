import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { selfSignedCertificate } from '../certificates/self-signed.ts';
import { readIfPresent, replaceFile } from './atomic-file.ts';

/** The longest life that the public rules for server certificates allow; some verifiers apply it to every certificate. */
const LIFE_MS = 398 * 86_400_000;
/** A peer whose clock is a little late must not find the certificate "not yet valid". */
const BACKDATE_MS = 3_600_000;

export interface IssuedCertificate {
  /** PEM. */
  certificate: string;
  privateKey: string;
  /** When it is to be replaced: two thirds of its life, in ms since 1970. */
  renewAt: number;
}

/**
 * The self-signed certificate of a gateway that was given none, kept in `path` and issued anew at two thirds of its
 * life, for another host name, or where the file cannot be used.
 *
 * @param now ms since 1970
 */
export async function issuedCertificate(path: string, hostName: string, now: number): Promise<IssuedCertificate> {
  const kept = parseKept(await readIfPresent(path), hostName);
  if (kept !== undefined && now < kept.renewAt) return kept;
  const notBefore = now - BACKDATE_MS;
  const issued = await selfSignedCertificate(hostName, notBefore, notBefore + LIFE_MS);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await replaceFile(path, `${issued.certificate}${issued.privateKey}`, { durable: true });
  return { ...issued, renewAt: renewalTime(issued.certificate) };
}

function parseKept(text: string | undefined, hostName: string): IssuedCertificate | undefined {
  const [certificate, privateKey] = text?.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----\n/g) ?? [];
  if (certificate === undefined || privateKey === undefined) return undefined;
  try {
    const parsed = new X509Certificate(certificate);
    if (parsed.checkHost(hostName, { wildcards: false }) === undefined) return undefined;
    if (!parsed.checkPrivateKey(createPrivateKey(privateKey))) return undefined;
    return { certificate, privateKey, renewAt: renewalTime(certificate) };
  } catch {
    // A damaged file is replaced: nobody but this gateway's own test trusts a certificate that signs itself.
    return undefined;
  }
}

function renewalTime(certificate: string): number {
  const { validFrom, validTo } = new X509Certificate(certificate);
  const from = Date.parse(validFrom);
  return from + ((Date.parse(validTo) - from) * 2) / 3;
}
