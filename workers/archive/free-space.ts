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
      const message = `The archive ${archive} has less than its reserve of ${shown(reserve)} free (${shown(bytes ?? 0)}).`;
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

/** In GiB, or in MiB where that would be a naught. */
function shown(bytes: number): string {
  const mebibytes = Math.max(0, bytes) / 1024 ** 2;
  return mebibytes < 1024 ? `${mebibytes.toFixed(1)} MiB` : `${(mebibytes / 1024).toFixed(1)} GiB`;
}
