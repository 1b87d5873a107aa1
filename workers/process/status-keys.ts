import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { FaultError } from './fault-error.ts';
import { followFolders, isMissing } from './follow-folders.ts';
import type { Logger } from './logger.ts';

/** PEM texts of a status server: its own certificate and key, and the authority that signs the operator's. */
export interface StatusKeys {
  certificate: string;
  privateKey: string;
  authority: string;
}

export interface FollowedKeys {
  /** The newest that can be used. */
  readonly current: StatusKeys;
  onRenewed(listener: (keys: StatusKeys) => void): void;
}

/**
 * Follows `tls.crt`, `tls.key` and `ca.crt` in a folder, a mounted Secret. Files that cannot be used leave the keys as
 * they are, and are told in the log.
 *
 * @returns once there are keys that can be used; never, where `signal` aborts before
 */
export function followStatusKeys(folder: string, logger: Logger, signal: AbortSignal): Promise<FollowedKeys> {
  const listeners: ((keys: StatusKeys) => void)[] = [];
  const first = Promise.withResolvers<FollowedKeys>();
  let current: StatusKeys | undefined;
  let told: string | undefined;

  const read = async (): Promise<void> => {
    try {
      const keys = await readKeys(folder);
      told = undefined;
      if (current !== undefined && same(keys, current)) return;
      current = keys;
      logger.info('status-keys-served', { validTo: new X509Certificate(keys.certificate).validToDate.toISOString() });
      first.resolve({
        get current() {
          return current ?? keys;
        },
        onRenewed: (listener) => listeners.push(listener),
      });
      for (const listener of listeners) listener(keys);
    } catch (error) {
      const why = error instanceof FaultError ? error.message : `The files in ${folder} cannot be read.`;
      // Read again every few seconds, and told once.
      if (why !== told) logger.warn(current === undefined ? 'status-keys-awaited' : 'status-keys-kept', { why });
      told = why;
    }
  };
  followFolders({ folders: [folder], read, logger, signal });
  return first.promise;
}

function same(a: StatusKeys, b: StatusKeys): boolean {
  return a.certificate === b.certificate && a.privateKey === b.privateKey && a.authority === b.authority;
}

/** @throws FaultError InvalidConfiguration where the files are absent, are no PEM or do not belong together */
async function readKeys(folder: string): Promise<StatusKeys> {
  const [certificate, privateKey, authority] = await Promise.all(
    ['tls.crt', 'tls.key', 'ca.crt'].map((name) => readPem(join(folder, name))),
  );
  const keys = { certificate: certificate ?? '', privateKey: privateKey ?? '', authority: authority ?? '' };
  const unusable = (why: string, cause?: unknown): FaultError =>
    new FaultError('InvalidConfiguration', 'later', `The keys in ${folder} cannot be used: ${why}.`, { cause });
  let fits: boolean;
  try {
    new X509Certificate(keys.authority);
    createSecureContext({ cert: keys.certificate, key: keys.privateKey, ca: keys.authority });
    fits = new X509Certificate(keys.certificate).checkPrivateKey(createPrivateKey(keys.privateKey));
  } catch (error) {
    throw unusable('a file does not hold the PEM that it should', error);
  }
  if (!fits) throw unusable('tls.key is not the key of tls.crt');
  return keys;
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new FaultError('InvalidConfiguration', 'later', `${path} does not exist yet.`, { cause: error });
  }
}
