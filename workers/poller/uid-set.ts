/** The largest UID there can be (RFC 3501 section 9, nz-number). */
const MAX_UID = 0xffff_ffff;

/**
 * A set of UIDs, kept as sorted ranges: mailboxes number messages upwards, so millions of UIDs are a few ranges. A set,
 * not a high-water mark, because a message that could not be fetched stays pending while later ones are archived.
 */
export class UidSet {
  /** First and last UID of each range, ascending, never adjacent. */
  readonly #firsts: number[] = [];
  readonly #lasts: number[] = [];
  #size = 0;

  /** Number of UIDs. */
  get size(): number {
    return this.#size;
  }

  has(uid: number): boolean {
    const at = this.#rangeBefore(uid);
    return at >= 0 && uid <= (this.#lasts[at] ?? 0);
  }

  add(uid: number): void {
    const at = this.#rangeBefore(uid);
    if (at >= 0 && uid <= (this.#lasts[at] ?? 0)) return;
    this.#size += 1;
    const joinsBefore = at >= 0 && this.#lasts[at] === uid - 1;
    const joinsAfter = this.#firsts[at + 1] === uid + 1;
    if (joinsBefore && joinsAfter) {
      this.#lasts.splice(at, 1);
      this.#firsts.splice(at + 1, 1);
    } else if (joinsBefore) this.#lasts[at] = uid;
    else if (joinsAfter) this.#firsts[at + 1] = uid;
    else {
      this.#firsts.splice(at + 1, 0, uid);
      this.#lasts.splice(at + 1, 0, uid);
    }
  }

  /** As an IMAP sequence-set (`1:5,7`); empty text for the empty set. */
  toString(): string {
    return this.#firsts.map((first, at) => rangeText(first, this.#lasts[at] ?? first)).join(',');
  }

  /**
   * Reads what {@link UidSet.toString} wrote.
   *
   * @returns undefined where the text is anything else
   */
  static parse(text: string): UidSet | undefined {
    const set = new UidSet();
    if (text === '') return set;
    let previous = -1;
    for (const part of text.split(',')) {
      const [, from, to] = /^([1-9]\d{0,9})(?::([1-9]\d{0,9}))?$/.exec(part) ?? [];
      const first = Number(from);
      const last = to === undefined ? first : Number(to);
      if (!(first > previous + 1) || last < first || last > MAX_UID) return undefined;
      set.#firsts.push(first);
      set.#lasts.push(last);
      set.#size += last - first + 1;
      previous = last;
    }
    return set;
  }

  /** Index of the last range that begins at or before `uid`; -1 where there is none. */
  #rangeBefore(uid: number): number {
    let low = 0;
    let high = this.#firsts.length;
    // Nearly every UID is the newest one.
    if (high > 0 && (this.#firsts[high - 1] ?? 0) <= uid) return high - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#firsts[middle] ?? 0) <= uid) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** UIDs in ascending order as an IMAP sequence-set that holds exactly these. */
export function sequenceSet(uids: readonly number[]): string {
  const parts: string[] = [];
  let first = uids[0];
  let last = first;
  for (const uid of uids) {
    if (last !== undefined && first !== undefined && uid > last + 1) {
      parts.push(rangeText(first, last));
      first = uid;
    }
    last = uid;
  }
  if (first !== undefined && last !== undefined) parts.push(rangeText(first, last));
  return parts.join(',');
}

function rangeText(first: number, last: number): string {
  return first === last ? String(first) : `${first}:${last}`;
}
