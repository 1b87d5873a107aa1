import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Metafile } from 'esbuild';

/**
 * The licences of all packages that bundles contain: most ask that their text comes with every copy.
 *
 * @param root where the paths of `metafiles` begin
 * @returns one text, by name of the package
 */
export async function licencesOf(metafiles: readonly Metafile[], root: string): Promise<string> {
  const folders = new Set<string>();
  for (const { inputs } of metafiles) {
    for (const input of Object.keys(inputs)) {
      const folder = input.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0];
      if (folder !== undefined) folders.add(folder);
    }
  }
  const licences = await Promise.all([...folders].map((folder) => licenceOf(join(root, folder))));
  return licences.sort().join('\n');
}

async function licenceOf(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const files = (await readdir(folder)).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return `${'='.repeat(80)}\n${name} ${version}: ${license}\n\n${texts.join('\n')}`;
}
