import { join } from 'node:path';
import { type ImageArchive, writeImage } from '../../image/archive.ts';

const FOLDER = join(import.meta.dirname, '../../build/image');

let built: Promise<ImageArchive> | undefined;

/**
 * The image of the sources as they are, to be imported into a node.
 *
 * Put together once for a process, in about three seconds. Equal sources give equal bytes, so that a node which has the
 * image already takes nothing of it.
 *
 * @returns `tar`: path of the archive; `name`: what a pod's `image` says, with `imagePullPolicy: Never`
 */
export async function buildImage(): Promise<{ tar: string; name: string }> {
  built ??= writeImage(FOLDER);
  const { path, name } = await built;
  return { tar: path, name };
}
