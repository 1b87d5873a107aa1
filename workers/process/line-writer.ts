/** Lines are written when so many characters wait, at the latest. */
const MOST_CHARACTERS = 32 * 1024;

/** Collects lines, so that a turn of the event loop with many of them costs one write. */
export interface LineWriter {
  write(line: string): void;
  /** Writes what waits, now. */
  flush(): void;
}

/** @param write the sink; standard output to a file or a pipe writes at once, and blocks while it does */
export function createLineWriter(write: (lines: string) => void): LineWriter {
  let waiting = '';
  let armed = false;
  const flush = (): void => {
    armed = false;
    const lines = waiting;
    waiting = '';
    if (lines !== '') write(lines);
  };
  return {
    write: (line) => {
      waiting += line;
      if (waiting.length >= MOST_CHARACTERS) flush();
      else if (!armed) {
        armed = true;
        setImmediate(flush);
      }
    },
    flush,
  };
}
