import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { glob, mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { bundle } from './bundle.ts';
import { imageConfiguration, imageName, readProject } from './configuration.ts';
import { rootFiles } from './root-files.ts';
import { type TarEntry, tar } from './tar.ts';

const ROOT = join(import.meta.dirname, '..');
/** The Node that package.json pins. */
const NODE = join(ROOT, 'node_modules/node/bin/node');

/** An image in a file. */
export interface ImageArchive {
  /** `mailhold:0.1.0`. */
  name: string;
  path: string;
  bytes: number;
}

/**
 * Puts the image together without a container engine, as an archive that `docker load`, `podman load` and
 * `ctr images import` take. It holds what the Dockerfile's does but for the base: this machine's libraries, and only those
 * that Node is linked with. Equal sources on equal machines give equal bytes.
 *
 * @param folder where the archive goes, in the place of an older one; made where it does not exist
 */
export async function writeImage(folder: string): Promise<ImageArchive> {
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, '.image-'));
  try {
    const project = await readProject(ROOT);
    const name = imageName(project);
    await bundle(join(work, 'app'));
    // The programs change with every edit, what is below them hardly ever.
    const layers = [
      await writeLayer(join(work, 'root.tar'), await rootFiles(NODE)),
      await writeLayer(join(work, 'app.tar'), await filesOf(join(work, 'app'), 'app')),
    ];
    const config = Buffer.from(
      JSON.stringify(
        imageConfiguration(
          project,
          layers.map(({ digest }) => digest),
        ),
      ),
    );
    const digest = createHash('sha256').update(config).digest('hex');
    const path = join(folder, `${name.replace(':', '-')}.tar`);
    // In one step: who reads the older one goes on reading that.
    const whole = join(work, 'image.tar');
    await writeTar(whole, [
      file(
        'manifest.json',
        JSON.stringify([{ Config: `${digest}.json`, RepoTags: [name], Layers: layers.map(nameOf) }]),
      ),
      file(`${digest}.json`, config),
      ...layers.map((layer) => file(nameOf(layer), { file: layer.path })),
    ]);
    await rename(whole, path);
    return { name, path, bytes: (await stat(path)).size };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

interface Layer {
  path: string;
  /** SHA-256 of the file, in hex. */
  digest: string;
}

async function writeLayer(path: string, entries: readonly TarEntry[]): Promise<Layer> {
  return { path, digest: await writeTar(path, [...foldersOf(entries), ...entries]) };
}

function nameOf({ digest }: Layer): string {
  return `${digest}.tar`;
}

function file(path: string, content: string | Buffer | { file: string }): TarEntry {
  return { kind: 'file', path, mode: 0o644, content: typeof content === 'string' ? Buffer.from(content) : content };
}

/** @returns SHA-256 of the file, in hex */
async function writeTar(path: string, entries: readonly TarEntry[]): Promise<string> {
  const hash = createHash('sha256');
  const hashed = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(tar(entries), hashed, createWriteStream(path));
  return hash.digest('hex');
}

/** The folders that entries are in: without entries of their own, their modes would depend on who unpacks them. */
function foldersOf(entries: readonly TarEntry[]): TarEntry[] {
  const folders = new Set<string>();
  for (const { path } of entries) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  }
  return [...folders].map((path) => ({ kind: 'folder', path, mode: 0o755 }));
}

/** All files of a folder, with modes that do not depend on the umask. */
async function filesOf(folder: string, place: string): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  for await (const found of glob('**', { cwd: folder, withFileTypes: true })) {
    if (!found.isFile()) continue;
    const path = join(found.parentPath, found.name);
    const runs = ((await stat(path)).mode & 0o100) !== 0;
    const content = { file: path };
    entries.push({ kind: 'file', path: join(place, relative(folder, path)), mode: runs ? 0o755 : 0o644, content });
  }
  return entries;
}

if (import.meta.main) {
  const [folder = 'build/image'] = process.argv.slice(2);
  const { name, path, bytes } = await writeImage(resolve(folder));
  console.log(`${name} is in ${path} (${(bytes / 2 ** 20).toFixed(0)} MiB)`);
}
