import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

/** One entry of a tar file. All belong to root, and have no time. */
export type TarEntry =
  | { kind: 'folder'; path: string; mode: number }
  | { kind: 'file'; path: string; mode: number; content: Buffer | { file: string } }
  | { kind: 'link'; path: string; target: string };

const BLOCK = 512;
/** Size of the name field; a longer name would need its prefix field or a header of pax. */
const NAME = 100;

/**
 * A tar file in the format ustar (POSIX.1-1988), entries sorted by path: equal content gives equal bytes.
 *
 * @param entries paths relative to the root of the archive, without a slash in front, at most 100 bytes
 */
export async function* tar(entries: readonly TarEntry[]): AsyncGenerator<Buffer> {
  for (const entry of entries.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    switch (entry.kind) {
      case 'folder':
        yield header({ path: `${entry.path}/`, mode: entry.mode, size: 0, type: '5' });
        break;
      case 'link':
        yield header({ path: entry.path, mode: 0o777, size: 0, type: '2', target: entry.target });
        break;
      case 'file': {
        const size = await sizeOf(entry.content);
        yield header({ path: entry.path, mode: entry.mode, size, type: '0' });
        if ('file' in entry.content) yield* createReadStream(entry.content.file, { highWaterMark: 1 << 20 });
        else yield entry.content;
        yield Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
        break;
      }
    }
  }
  yield Buffer.alloc(2 * BLOCK);
}

async function sizeOf(content: Buffer | { file: string }): Promise<number> {
  return 'file' in content ? (await stat(content.file)).size : content.length;
}

interface Header {
  path: string;
  mode: number;
  size: number;
  type: '0' | '2' | '5';
  target?: string;
}

function header({ path, mode, size, type, target = '' }: Header): Buffer {
  for (const name of [path, target]) {
    if (Buffer.byteLength(name) > NAME) throw new RangeError(`${name} is longer than the name of a tar entry can be`);
  }
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  block.write(path, 0);
  block.write(octal(mode, 7), 100);
  block.write(octal(0, 7), 108);
  block.write(octal(0, 7), 116);
  block.write(octal(size, 11), 124);
  block.write(octal(0, 11), 136);
  block.write(' '.repeat(8), 148);
  block.write(type, 156);
  block.write(target, 157);
  block.write('ustar\x0000', 257, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)} `, 148);
  return block;
}
