import type { MessageBody, Position, Stored } from '../archive/log.ts';
import { timestamp } from '../process/clock.ts';
import { toFaultError } from '../process/fault-error.ts';
import { type Reply, replies, replyToFault } from './replies.ts';
import type { Dialogue, SessionServices } from './session-services.ts';
import type { Transaction } from './transaction.ts';

/** How a message ended, as the connections' counts know it. */
export type Outcome = 'stored' | 'deferred' | 'rejected' | 'cut';

/**
 * One message between its first byte and its reply: its body on the way into the log, and its place in limits and
 * counts. Past the size limit, or after the log failed, bytes are dropped while the session reads on to the end, since
 * only there may a reply be sent. `commit` or `conclude` ends it, once.
 */
export class IncomingMessage {
  length = 0;
  readonly #services: SessionServices;
  readonly #transaction: Transaction;
  readonly #peer: string;
  readonly #uids: readonly string[];
  readonly #reserved: number;
  readonly #limit: number;
  readonly #begunAt: string;
  #body: MessageBody | undefined;
  #refusal: Reply | undefined;
  #over = false;

  private constructor(
    services: SessionServices,
    transaction: Transaction,
    peer: string,
    uids: readonly string[],
    reserved: number,
    body: MessageBody,
  ) {
    this.#services = services;
    this.#transaction = transaction;
    this.#peer = peer;
    this.#uids = uids;
    this.#reserved = reserved;
    this.#limit = services.served().limits.messageBytes;
    this.#begunAt = timestamp(services.clock);
    this.#body = body;
    for (const { board } of transaction.recipients) {
      board.counts.begun += 1;
      board.counted();
    }
  }

  /** @returns the message, or what it is refused with before its first byte, counted on its connections */
  static begin(services: SessionServices, dialogue: Dialogue, transaction: Transaction): IncomingMessage | Reply {
    const { limits, log } = services;
    const { recipients, declared } = transaction;
    const peer = dialogue.peer.address;
    const uids = recipients.map((recipient) => recipient.entry.uid);
    let refusal: Reply;
    const reserved = limits.reserve(uids, declared);
    if (typeof reserved === 'number') {
      try {
        return new IncomingMessage(services, transaction, peer, uids, reserved, log.begin());
      } catch (error) {
        limits.release(uids, reserved);
        refusal = replyToFault(toFaultError(error));
      }
    } else {
      refusal = reserved;
    }
    for (const { board } of recipients) board.refused(refusal.text, peer);
    return refusal;
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
      this.#refuse(replies.tooBig);
      return true;
    }
    return this.#body.write(content);
  }

  /** Resolves when more may be taken, also where the log failed meanwhile: the message is then refused. */
  async drained(): Promise<void> {
    try {
      await this.#body?.drained();
    } catch (error) {
      this.#refuse(replyToFault(toFaultError(error)));
    }
  }

  /**
   * Makes the message durable, counts it, and writes its line in the worker's log.
   *
   * @returns what to answer, without CRLF: 250 with the position only where the message is on stable storage
   */
  async commit(dialogue: Dialogue): Promise<{ text: string; refusal: Reply | undefined }> {
    const { clock, logger } = this.#services;
    const { recipients, mailFrom, rcptTo } = this.#transaction;
    const begun = clock.monotonic();
    const body = this.#body;
    this.#body = undefined;
    let stored: Stored | undefined;
    let refusal = this.#refusal;
    if (body !== undefined) {
      try {
        stored = await body.commit({
          targets: recipients.map((recipient) => recipient.target),
          retention: 'mail',
          capture: {
            kind: 'smtp',
            peer: { address: dialogue.peer.address, port: dialogue.port },
            helo: dialogue.helo,
            ...(dialogue.tls !== undefined && { tls: dialogue.tls }),
            mailFrom,
            rcptTo,
          },
          begunAt: this.#begunAt,
          receivedAt: timestamp(clock),
        });
      } catch (error) {
        refusal = replyToFault(toFaultError(error));
      }
    }
    const ms = clock.monotonic() - begun;
    const answer = stored && `250 2.0.0 Kept as ${shortPosition(stored.position)}`;
    refusal = stored === undefined ? (refusal ?? replies.archiveFault) : undefined;
    if (refusal === undefined) this.#services.acknowledged(ms);
    this.conclude(refusal === undefined ? 'stored' : refusal.kind === 'rejected' ? 'rejected' : 'deferred', refusal);
    const text = answer ?? refusal?.text ?? '';
    logger.info(stored ? 'message-stored' : 'message-refused', {
      connections: recipients.map((recipient) => recipient.label),
      peer: this.#peer,
      bytes: this.length,
      sha256: stored?.sha256,
      position: stored && `${stored.position.writer}:${stored.position.number}`,
      reply: text,
      ms: Math.round(ms * 10) / 10,
    });
    return { text, refusal };
  }

  /** Ends the message in whichever way, keeping nothing that is not committed. Of several calls the first counts. */
  conclude(outcome: Outcome, reply?: Reply): void {
    if (this.#over) return;
    this.#over = true;
    this.#abort();
    this.#services.limits.release(this.#uids, this.#reserved);
    for (const { board } of this.#transaction.recipients) {
      if (outcome === 'stored') {
        board.stored(this.length);
        continue;
      }
      board.counts[outcome] += 1;
      board.counted();
      if (reply !== undefined) board.refused(reply.text, this.#peer);
    }
  }

  #refuse(reply: Reply): void {
    this.#refusal ??= reply;
    this.#abort();
  }

  #abort(): void {
    this.#body?.abort();
    this.#body = undefined;
  }
}

/**
 * A position for the peer's log, as `mailhold archive cat` takes it. Not the whole writer id: whoever knew it could send a
 * message whose bytes pass for records of this writer, should the record around them ever be damaged.
 */
function shortPosition({ writer, number }: Position): string {
  return `${writer.slice(0, 8)}:${number}`;
}
