import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/** The top of the source tree. */
export const ROOT = join(import.meta.dirname, '../..');

/**
 * Writes files that are generated from sources, or only compares them.
 *
 * @param files text by absolute path
 * @param check true: write nothing
 * @returns names of the files whose text is not, or was not, that of the sources; relative to the top of the tree
 */
export async function bringUpToDate(files: ReadonlyMap<string, string>, check: boolean): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of files) {
    if ((await readOrEmpty(path)) === text) continue;
    stale.push(relative(ROOT, path));
    if (check) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  return stale;
}

/** The way in of a generator: `--check` exits with 1 where a file is stale, else files are written. */
export async function generate(files: ReadonlyMap<string, string>): Promise<void> {
  const check = process.argv.includes('--check');
  const stale = await bringUpToDate(files, check);
  for (const name of stale) console.log(check ? `${name} is stale: run make generate` : `${name} written`);
  if (check && stale.length > 0) process.exitCode = 1;
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
