import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A static busybox, without libraries to copy (Debian package busybox-static). */
export const BUSYBOX = '/bin/busybox';
/** Its image in every cluster with a node; pods use it with `imagePullPolicy: Never`. */
export const BUSYBOX_IMAGE = 'mailhold.test/busybox:1';
/** Debian's static wget ends with a segmentation fault. */
const COMMANDS = ['sh', 'cat', 'httpd', 'id', 'ls', 'nc', 'nslookup', 'seq', 'sleep', 'test'];

/**
 * Writes an image of a static busybox, which sleeps where nothing else is asked for: it also holds the namespaces of pods,
 * in place of the pause image of a registry.
 *
 * Form: https://github.com/moby/docker-image-spec/blob/main/spec.md#combined-image-json--filesystem-changeset-format
 *
 * @param target path of the archive
 */
export async function writeBusyboxImage(target: string): Promise<void> {
  const folder = await mkdtemp(`${target}.`);
  try {
    const bin = join(folder, 'root', 'bin');
    await mkdir(bin, { recursive: true });
    await mkdir(join(folder, 'root', 'tmp'), { mode: 0o1777 });
    await copyFile(BUSYBOX, join(bin, 'busybox'));
    for (const command of COMMANDS) await symlink('busybox', join(bin, command));
    await run('tar', ['--numeric-owner', '--owner=0', '--group=0', '-cf', 'layer.tar', '-C', 'root', '.'], {
      cwd: folder,
    });
    const digest = createHash('sha256').update(await readFile(join(folder, 'layer.tar')));
    const config = {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Entrypoint: ['/bin/busybox'], Cmd: ['sleep', '2147483647'], Env: ['PATH=/bin'] },
      rootfs: { type: 'layers', diff_ids: [`sha256:${digest.digest('hex')}`] },
    };
    const manifest = [{ Config: 'config.json', RepoTags: [BUSYBOX_IMAGE], Layers: ['layer.tar'] }];
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
    await run('tar', ['-cf', target, '-C', folder, 'manifest.json', 'config.json', 'layer.tar']);
  } finally {
    await rm(folder, { recursive: true });
  }
}
