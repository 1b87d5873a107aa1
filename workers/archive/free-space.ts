import type { Fault } from '../process/contract.ts';
import type { Store } from './store.ts';

const CHECK_MS = 2_000;

/** Stops intake before the disk is full. */
export interface FreeSpace {
  readonly bytes: number | undefined;
  /** Present while less than the reserve is free. */
  readonly fault: Fault | undefined;
  /** Bytes that were written since the last look at the disk. */
  wrote(bytes: number): void;
  close(): void;
}

/**
 * Asks the store every two seconds and counts down in between.
 *
 * @param reserve bytes that must stay free; a twentieth more must be free before intake starts again
 */
export async function watchFreeSpace(
  store: Store,
  archive: string,
  reserve: number,
  changed: () => void,
): Promise<FreeSpace> {
  let bytes = await store.freeBytes();
  let short = false;
  const judge = (): void => {
    const before = short;
    short = bytes !== undefined && bytes < (short ? reserve * 1.05 : reserve);
    if (short !== before) changed();
  };
  judge();
  const check = async (): Promise<void> => {
    try {
      bytes = await store.freeBytes();
    } catch {
      // Whatever keeps the store from answering shows at the next write, with its own words.
      return;
    }
    judge();
  };
  const timer = setInterval(() => void check(), CHECK_MS);
  return {
    get bytes() {
      return bytes;
    },
    get fault(): Fault | undefined {
      if (!short) return undefined;
      const message = `The archive ${archive} has less than its reserve of ${inGiB(reserve)} GiB free (${inGiB(bytes ?? 0)} GiB).`;
      return { code: 'ArchiveFull', retry: 'later', message };
    },
    wrote: (written) => {
      if (bytes === undefined) return;
      bytes -= written;
      judge();
    },
    close: () => clearInterval(timer),
  };
}

function inGiB(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}
