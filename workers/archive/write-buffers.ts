import { writev } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Linux takes at most so many buffers in one writev (IOV_MAX is 1,024). */
const BUFFERS_PER_WRITE = 1_000;

const write = promisify(
  (
    descriptor: number,
    buffers: readonly NodeJS.ArrayBufferView[],
    done: (error: Error | null, written: number) => void,
  ) => writev(descriptor, buffers, (error, written) => done(error, written)),
);

/** Writes all parts at the file's position. The kernel may take fewer bytes than asked (a full disk, a signal). */
export async function writeBuffers(file: FileHandle, parts: readonly Buffer[]): Promise<void> {
  for (let from = 0; from < parts.length; from += BUFFERS_PER_WRITE) {
    let rest: readonly Buffer[] = parts.slice(from, from + BUFFERS_PER_WRITE);
    while (rest.length > 0) rest = behind(rest, await write(file.fd, rest));
  }
}

/** What is left of the buffers behind so many bytes. */
function behind(buffers: readonly Buffer[], bytes: number): readonly Buffer[] {
  let index = 0;
  let left = bytes;
  for (let buffer = buffers[0]; buffer !== undefined && left >= buffer.length; buffer = buffers[index]) {
    left -= buffer.length;
    index += 1;
  }
  const cut = buffers[index];
  return cut === undefined ? [] : [cut.subarray(left), ...buffers.slice(index + 1)];
}
