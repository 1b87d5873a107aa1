import type { ArchiveLog, Envelope, MessageBody, Stored } from '../archive/log.ts';
import { toFaultError } from '../process/fault-error.ts';
import { type Reply, replies, replyToFault } from './replies.ts';

/** How a message ended, as the connections' counts know it. */
export type Outcome = 'stored' | 'deferred' | 'rejected' | 'cut';

/**
 * The body of one message between its first byte and its reply. Past the size limit, or after the log failed, bytes are
 * dropped while the session reads on to the end, since only there may a reply be sent.
 */
export class IncomingMessage {
  /** RFC 3339. */
  readonly begunAt: string;
  length = 0;
  /** Bytes reserved with the limits, given back when the message is over. */
  readonly reserved: number;
  readonly #limit: number;
  #body: MessageBody | undefined;
  #refusal: Reply | undefined;

  /** @throws FaultError where the log takes nothing now */
  constructor(log: ArchiveLog, limit: number, reserved: number, begunAt: string) {
    this.#body = log.begin();
    this.#limit = limit;
    this.reserved = reserved;
    this.begunAt = begunAt;
  }

  /** What the message will be refused with, if that is known already. */
  get refusal(): Reply | undefined {
    return this.#refusal;
  }

  /**
   * Takes content, and owns it from now on.
   *
   * @returns false where the session should stop reading until `drained()` resolves
   */
  take(content: Buffer): boolean {
    this.length += content.length;
    if (this.#body === undefined) return true;
    if (this.length > this.#limit) {
      this.refuse(replies.tooBig);
      return true;
    }
    return this.#body.write(content);
  }

  /** Resolves when more may be taken, also where the log failed meanwhile: the message is then refused. */
  async drained(): Promise<void> {
    try {
      await this.#body?.drained();
    } catch (error) {
      this.refuse(replyToFault(toFaultError(error)));
    }
  }

  /** Nothing of it is kept. */
  refuse(reply: Reply): void {
    this.#refusal ??= reply;
    this.abort();
  }

  abort(): void {
    this.#body?.abort();
    this.#body = undefined;
  }

  /** @returns what was stored, once it is durable, or the reply that it is refused with */
  async commit(envelope: Envelope): Promise<Stored | Reply> {
    const body = this.#body;
    this.#body = undefined;
    if (body === undefined) return this.#refusal ?? replies.archiveFault;
    try {
      return await body.commit(envelope);
    } catch (error) {
      return replyToFault(toFaultError(error));
    }
  }
}
