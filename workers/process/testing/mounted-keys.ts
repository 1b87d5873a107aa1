import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Authority, Issued } from './authority.ts';

/** A folder as the kubelet mounts a Secret: files are links over `..data`, which one rename leads to the next version. */
export interface MountedKeys {
  folder: string;
  /** The next version of `tls.crt`, `tls.key` and `ca.crt`. */
  mount({ certificate, privateKey }: Issued, authority: Pick<Authority, 'certificate'>): Promise<void>;
}

export async function mountedKeys(t: TestContext): Promise<MountedKeys> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-keys-'));
  t.after(() => rm(folder, { recursive: true }));
  let version = 0;
  return {
    folder,
    mount: async ({ certificate, privateKey }, authority) => {
      version += 1;
      const data = `..${version}`;
      await mkdir(join(folder, data));
      const files = { 'tls.crt': certificate, 'tls.key': privateKey, 'ca.crt': authority.certificate };
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, data, name), text);
      await symlink(data, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
      if (version > 1) return;
      for (const name of Object.keys(files)) await symlink(join('..data', name), join(folder, name));
    },
  };
}
