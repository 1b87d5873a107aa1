import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type IssuedCertificate, issueCertificate, keptCertificate } from '../certificates/issued.ts';
import { readIfPresent, replaceFile } from './atomic-file.ts';

/**
 * The self-signed certificate of a gateway that was given none, kept in `path` and issued anew at two thirds of its
 * life, for another host name, or where the file cannot be used.
 *
 * @param now ms since 1970
 */
export async function issuedCertificate(path: string, hostName: string, now: number): Promise<IssuedCertificate> {
  const text = await readIfPresent(path);
  const [certificate, privateKey] = text?.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----\n/g) ?? [];
  const pair = certificate === undefined || privateKey === undefined ? {} : { certificate, privateKey };
  const kept = keptCertificate(pair, hostName, now);
  if (kept !== undefined) return kept;
  const issued = await issueCertificate(hostName, now);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await replaceFile(path, `${issued.certificate}${issued.privateKey}`, { durable: true });
  return issued;
}
