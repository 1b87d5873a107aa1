import type { Reply } from './replies.ts';
import type { SessionServices } from './session-services.ts';

/** Protocol errors of a session before it is ended. */
const MOST_ERRORS = 20;

/** The replies that wait to leave together, and what they add up to. */
export class Outbox {
  /** Refusals of any kind so far. */
  refusals = 0;
  readonly #services: SessionServices;
  #text = '';
  #errors = 0;

  constructor(services: SessionServices) {
    this.#services = services;
  }

  /** The peer has broken the protocol, or guessed addresses, more often than a sender does. */
  get tooManyErrors(): boolean {
    return this.#errors > MOST_ERRORS;
  }

  answer(reply: Reply): void {
    this.#text += reply.line;
    if (reply.kind !== 'done') this.count(reply);
  }

  /** What is no fixed reply, with its CRLF. */
  say(text: string): void {
    this.#text += text;
  }

  /** A refusal that is said otherwise. */
  count(reply: Reply): void {
    this.refusals += 1;
    this.#services.refused(reply);
    if (reply.peerError) this.#errors += 1;
  }

  /** All that waits; empty where nothing does. */
  take(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}
