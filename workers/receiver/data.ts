const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const STUFFED = Buffer.from('\r\n.');
const WITHHELD_CR = Buffer.from('\r');

/** Where the last chunk ended, as far as the next byte's meaning depends on it. */
const Border = {
  /** In the middle of a line. */
  Mid: 0,
  /** At the start of a line: before the first byte, or behind CRLF. */
  LineStart: 1,
  /** Behind a CR that is content already; LF would end the line. */
  Cr: 2,
  /** Behind a dot at the start of a line, which is dropped whatever follows. */
  Dot: 3,
  /** Behind such a dot and a CR that is withheld: LF ends the data, and anything else makes the CR content. */
  DotCr: 4,
} as const;

/**
 * Finds the end of DATA and takes the transparency dots away (RFC 5321 4.5.2), in place and in any chunking.
 *
 * Only CRLF ends a line. Bare CR and bare LF are content and stay; `LF . LF`, `LF . CRLF`, `CR . CR` and the like end
 * nothing, since a server that takes them for an end can be made to see messages that its sender never sent.
 */
export class DataParser {
  #border: number = Border.LineStart;

  /** Begins another message. */
  reset(): void {
    this.#border = Border.LineStart;
  }

  /**
   * Reads `chunk` from `start`, moving content over dropped dots within the chunk itself.
   *
   * @param sink called with content, at most twice; it owns these bytes
   * @returns the index behind the end of data, or -1 where the data goes on in the next chunk
   */
  push(chunk: Buffer, start: number, sink: (content: Buffer) => void): number {
    const end = chunk.length;
    if (start >= end) return -1;
    let border = this.#border;
    // Content is [begin, write); [read, end) is still to be read.
    let begin = start;
    let read = start;

    if (border === Border.DotCr) {
      if (chunk[start] === LF) return start + 1;
      sink(WITHHELD_CR);
      border = Border.Cr;
    } else if (border === Border.LineStart && chunk[start] === DOT) {
      begin = read = start + 1;
      border = Border.Dot;
    }
    let write = begin;
    if (border === Border.Cr && chunk[start] === LF && end > start + 1 && chunk[start + 1] === DOT) {
      write = start + 1;
      read = start + 2;
      border = Border.Dot;
    }

    for (;;) {
      if (border === Border.Dot) {
        // `read` stands behind a dropped dot.
        if (read === end) break;
        if (chunk[read] === CR) {
          if (read + 1 === end) {
            border = Border.DotCr;
            break;
          }
          if (chunk[read + 1] === LF) {
            if (write > begin) sink(chunk.subarray(begin, write));
            return read + 2;
          }
        }
        border = Border.Mid;
      }
      const hit = chunk.indexOf(STUFFED, read);
      if (hit === -1) {
        const last = chunk[end - 1];
        // With a single byte left to read, what stood before it is in `border`.
        const afterCr = end - 1 > read ? chunk[end - 2] === CR : border === Border.Cr;
        if (write !== read) chunk.copyWithin(write, read, end);
        write += end - read;
        border = last === CR ? Border.Cr : last === LF && afterCr ? Border.LineStart : Border.Mid;
        break;
      }
      const lineEnd = hit + 2;
      if (write !== read) chunk.copyWithin(write, read, lineEnd);
      write += lineEnd - read;
      read = lineEnd + 1;
      border = Border.Dot;
    }
    this.#border = border;
    if (write > begin) sink(chunk.subarray(begin, write));
    return -1;
  }
}
