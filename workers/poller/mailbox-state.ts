import type { Cursor } from './cursor.ts';

/** What is remembered of a mailbox between its polls, for the life of the process. */
export interface MailboxState {
  cursor?: Cursor;
  /** The cursor file says what `cursor` says. */
  cursorSaved: boolean;
  /** Digests of what other epochs of the folder hold, as latin1 of 32 bytes; only while rescanning. */
  digests?: ReadonlySet<string>;
  /**
   * Every message below this UID is archived or gone, so that it need not be listed again. UIDs only grow
   * (RFC 3501 section 2.3.1.1). Begins at 1 with each process: then everything is listed once more.
   */
  settledBelow: number;
  /** Messages that could not be fetched: tried last and alone, so that they hold up no other. */
  suspects: Set<number>;
  /** The server refused a second session. */
  oneSession: boolean;
  /** The poll, by its time, that first listed the messages below a UID; ascending. */
  listings: { below: number; at: string }[];
  /** Since the start of the process. */
  sighted: number;
  missed: number;
}

export function newMailboxState(): MailboxState {
  return {
    cursorSaved: false,
    settledBelow: 1,
    suspects: new Set(),
    oneSession: false,
    listings: [],
    sighted: 0,
    missed: 0,
  };
}

/** Notes which messages wait now, ascending. */
export function noteListing(state: MailboxState, waiting: readonly number[], at: string): void {
  const oldest = waiting[0];
  if (oldest === undefined) {
    state.listings = [];
    return;
  }
  state.listings = state.listings.filter(({ below }) => below > oldest);
  const newest = waiting.at(-1) ?? oldest;
  if ((state.listings.at(-1)?.below ?? 0) <= newest) state.listings.push({ below: newest + 1, at });
}

/** When a poll first listed this message. */
export function listedSince(state: MailboxState, uid: number): string | undefined {
  return state.listings.find(({ below }) => below > uid)?.at;
}
