import { request } from 'node:https';

/** Whom a caller of the API server trusts, and who it is. PEM texts. */
export interface ApiCaller {
  url: string;
  authority: string;
  certificate: string;
  privateKey: string;
}

const DEADLINE_MS = 5_000;

/** Resolves where a GET of the path answers 200; else rejects with what was answered. */
export async function apiAnswers({ url, authority, certificate, privateKey }: ApiCaller, path: string): Promise<void> {
  const options = { ca: authority, cert: certificate, key: privateKey, signal: AbortSignal.timeout(DEADLINE_MS) };
  await new Promise<void>((resolve, reject) => {
    const call = request(new URL(path, url), options, (response) => {
      response.resume();
      response.once('error', reject);
      response.once('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${path} answers ${response.statusCode}`));
      });
    });
    call.once('error', reject);
    call.end();
  });
}
