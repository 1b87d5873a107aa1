/** How long a peer may take, in milliseconds (RFC 5321 4.5.3.2, except where said otherwise). */
export interface Timeouts {
  /** Between a reply of ours and the end of the next command line. */
  command: number;
  /** Between two pieces of a message. */
  dataIdle: number;
  /** From the first byte of a message to its last. Ours. */
  message: number;
  /** A TLS handshake. Ours. */
  handshake: number;
  /** From our last word until the peer must have closed. Ours. */
  farewell: number;
  /** A message must bring `rateBytes` in each `rateWindow`, or its peer is one that sends a byte a minute. Ours. */
  rateWindow: number;
  rateBytes: number;
}

export const defaultTimeouts: Timeouts = {
  command: 5 * 60_000,
  dataIdle: 3 * 60_000,
  message: 30 * 60_000,
  handshake: 30_000,
  farewell: 5_000,
  rateWindow: 60_000,
  rateBytes: 1_024,
};

/** The one timer of the receiver: how often all sessions' deadlines are looked at. */
export const SWEEP_MS = 1_000;

export type Expiry = 'idle' | 'slow';

/**
 * The deadlines of one session, as plain numbers that the receiver's sweep compares; no timer per session. Times are of
 * the monotonic clock.
 */
export class Deadlines {
  readonly #timeouts: Timeouts;
  #idle = Number.POSITIVE_INFINITY;
  #message = Number.POSITIVE_INFINITY;
  #windowEnd = Number.POSITIVE_INFINITY;
  #windowBytes = 0;

  constructor(timeouts: Timeouts) {
    this.#timeouts = timeouts;
  }

  /** The peer has the word, for one step of this kind. */
  expect(now: number, step: 'command' | 'handshake' | 'farewell'): void {
    this.#idle = now + this.#timeouts[step];
    this.#windowEnd = Number.POSITIVE_INFINITY;
  }

  messageBegins(now: number): void {
    this.#message = now + this.#timeouts.message;
  }

  messageEnds(): void {
    this.#message = Number.POSITIVE_INFINITY;
    this.#windowEnd = Number.POSITIVE_INFINITY;
  }

  /** The peer may send message bytes from now on: after 354, after BDAT, after we let it wait. */
  bodyOpens(now: number): void {
    this.#idle = now + this.#timeouts.dataIdle;
    this.#windowEnd = now + this.#timeouts.rateWindow;
    this.#windowBytes = 0;
  }

  received(now: number, bytes: number): void {
    this.#idle = now + this.#timeouts.dataIdle;
    this.#windowBytes += bytes;
  }

  /** We owe the peer something: its time stands still. */
  suspend(): void {
    this.#idle = Number.POSITIVE_INFINITY;
    this.#windowEnd = Number.POSITIVE_INFINITY;
  }

  /** What has run out at `now`, if anything. Begins the next window of the rate where one has passed. */
  check(now: number): Expiry | undefined {
    // Suspended: neither is the peer's fault.
    if (this.#idle === Number.POSITIVE_INFINITY) return undefined;
    if (now >= this.#idle) return 'idle';
    if (now >= this.#message) return 'slow';
    if (now < this.#windowEnd) return undefined;
    if (this.#windowBytes < this.#timeouts.rateBytes) return 'slow';
    this.#windowEnd = now + this.#timeouts.rateWindow;
    this.#windowBytes = 0;
    return undefined;
  }
}
