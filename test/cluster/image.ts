import { join } from 'node:path';
import { type ImageArchive, writeImage } from '../../image/archive.ts';

const FOLDER = join(import.meta.dirname, '../../build/image');

let built: Promise<ImageArchive> | undefined;

/**
 * The image of the sources as they are, to be imported into a node.
 *
 * Put together once for a process, from bundles that are made anew; where another process made the same image, its file
 * is taken.
 *
 * @returns `tar`: path of the archive; `name`: what a pod's `image` says, with `imagePullPolicy: Never`
 */
export async function buildImage(): Promise<{ tar: string; name: string }> {
  built ??= writeImage(FOLDER);
  const { path, name } = await built;
  return { tar: path, name };
}
