/** Beyond this, reading from the socket stops. What the socket has read already still comes, so it is no hard bound. */
const FULL_BYTES = 256 * 1024;

/** Input that waits behind a commit, in order. */
export class InputQueue {
  #chunks: Buffer[] = [];
  #bytes = 0;

  get full(): boolean {
    return this.#bytes > FULL_BYTES;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The unread rest of a chunk that was taken, or that came before all others. */
  putBack(rest: Buffer): void {
    this.#chunks.unshift(rest);
    this.#bytes += rest.length;
  }

  take(): Buffer | undefined {
    const chunk = this.#chunks.shift();
    this.#bytes -= chunk?.length ?? 0;
    return chunk;
  }

  clear(): void {
    this.#chunks = [];
    this.#bytes = 0;
  }
}
