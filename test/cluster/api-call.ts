import { request } from 'node:https';
import { text } from 'node:stream/consumers';

/** Whom a caller of the API server trusts, and who it is. PEM texts. */
export interface ApiCaller {
  url: string;
  authority: string;
  certificate: string;
  privateKey: string;
}

const DEADLINE_MS = 5_000;

/** @returns the body of a GET; rejects where the answer is not 200 */
export function apiGet({ url, authority, certificate, privateKey }: ApiCaller, path: string): Promise<string> {
  const options = { ca: authority, cert: certificate, key: privateKey, signal: AbortSignal.timeout(DEADLINE_MS) };
  return new Promise<string>((resolve, reject) => {
    const call = request(new URL(path, url), options, (response) => {
      text(response).then((body) => {
        if (response.statusCode === 200) resolve(body);
        else reject(new Error(`${path} answers ${response.statusCode}: ${body}`));
      }, reject);
    });
    call.once('error', reject);
    call.end();
  });
}
