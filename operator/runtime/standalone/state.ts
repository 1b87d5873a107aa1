import { randomBytes } from 'node:crypto';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectName } from '../../../workers/process/contract.ts';
import type { IssuedCertificate } from '../certificates/issued.ts';
import { createOnce, readIfPresent, replaceFile } from './atomic-file.ts';
import { issuedCertificate } from './certificate.ts';
import type { LastGoodTexts } from './manifest-file.ts';
import { StartupError, systemCode } from './startup-error.ts';

/**
 * What a standalone Mailhold remembers, in one private folder: keys, certificates, the record of each object, the last
 * good manifests, the workers' configuration. Only the address keys cannot be made again: with them go the addresses.
 */
export interface StateFolder {
  readonly path: string;
  readonly recordsFile: string;
  readonly lastGood: LastGoodTexts;
  /** 32 random bytes in base64, made at the first call for a gateway and never overwritten. */
  addressKey(gateway: ObjectName): Promise<string>;
  selfTestKey(gateway: ObjectName): Promise<string>;
  certificate(gateway: ObjectName, hostName: string, now: number): Promise<IssuedCertificate>;
  /** Folder of one worker's configuration files. */
  workerFolder(gateway: ObjectName, role: string): string;
}

/** @throws StartupError StateNotUsable */
export async function openState(path: string): Promise<StateFolder> {
  const folders = ['keys', 'certificates', 'manifests', 'workers'].map((name) => join(path, name));
  try {
    for (const folder of [path, ...folders]) await mkdir(folder, { recursive: true, mode: 0o700 });
    // An existing folder may be open to others.
    await chmod(path, 0o700);
    await createOnce(join(path, '.gitignore'), () => '# Holds keys and passwords.\n*\n');
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw new StartupError(
      'StateNotUsable',
      'never',
      `The state folder ${path} cannot be written (${code}); name another one with --state.`,
      { cause: error },
    );
  }
  /** Where somebody clears the folder while we run, the same keys go into it again. */
  const keys = new Map<string, string>();
  const key = async (gateway: ObjectName, use: string): Promise<string> => {
    const name = `${fileName(gateway)}.${use}`;
    const text = await createOnce(join(path, 'keys', name), () => keys.get(name) ?? randomBytes(32).toString('base64'));
    keys.set(name, text);
    return text;
  };

  return {
    path,
    recordsFile: join(path, 'objects.json'),
    lastGood: {
      read: (file) => readIfPresent(join(path, 'manifests', file)),
      write: (file, text) => replaceFile(join(path, 'manifests', file), text),
      remove: (file) => rm(join(path, 'manifests', file), { force: true }),
    },
    addressKey: (gateway) => key(gateway, 'address-key'),
    selfTestKey: (gateway) => key(gateway, 'self-test-key'),
    certificate: (gateway, hostName, now) =>
      issuedCertificate(join(path, 'certificates', `${fileName(gateway)}.pem`), hostName, now),
    workerFolder: (gateway, role) => join(path, 'workers', fileName(gateway), role),
  };
}

/** Namespaces and names are DNS labels and subdomains, so that an underscore can stand between them. */
function fileName({ namespace, name }: ObjectName): string {
  return `${namespace}_${name}`;
}
