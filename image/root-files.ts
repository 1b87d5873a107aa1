import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { TarEntry } from './tar.ts';

const run = promisify(execFile);

/** The user that every container runs as. It has no name on the machine, and owns nothing in the image. */
export const USER = 65_532;

/**
 * What a program of ours needs below /app: Node, the shared libraries that it is linked with, the loader, and what the
 * C library reads to know users and to look up names. Node brings its own certificates and time zones.
 *
 * @param node absolute path of a Node binary of Linux
 */
export async function rootFiles(node: string): Promise<TarEntry[]> {
  const { stdout } = await run('ldd', [node]);
  // `libc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x...)`, and the loader without an arrow.
  const libraries = [...stdout.matchAll(/^\s+(?:\S+ => )?(\/\S+) \(0x/gm)].map(([, path = '']) => path);
  return [
    await file('/usr/local/bin/node', node),
    ...(await Promise.all(libraries.map((path) => file(path, path)))),
    text('/etc/passwd', `root:x:0:0:root:/:/sbin/nologin\nmailhold:x:${USER}:${USER}:mailhold:/app:/sbin/nologin\n`),
    text('/etc/group', `root:x:0:\nmailhold:x:${USER}:\n`),
    text('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    { kind: 'link', path: 'usr/local/bin/mailhold', target: '/app/cli/main.js' },
    { kind: 'folder', path: 'tmp', mode: 0o1777 },
  ];
}

async function file(path: string, source: string): Promise<TarEntry> {
  return { kind: 'file', path: path.slice(1), mode: 0o755, content: { file: await realpath(source) } };
}

function text(path: string, content: string): TarEntry {
  return { kind: 'file', path: path.slice(1), mode: 0o644, content: Buffer.from(content) };
}
