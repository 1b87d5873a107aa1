/** A message as an IMAP server holds it. */
export interface StoredMessage {
  uid: number;
  bytes: Buffer;
  /** RFC 3501 date-time. */
  internalDate: string;
  deleted: boolean;
}

/** One folder of the scripted server. Tests change it while it is served. */
export interface ImapMailbox {
  uidValidity: number;
  uidNext: number;
  messages: StoredMessage[];
}

export function newMailbox(uidValidity = 1, firstUid = 1): ImapMailbox {
  return { uidValidity, uidNext: firstUid, messages: [] };
}

/** Adds messages with the next UIDs. */
export function deliver(mailbox: ImapMailbox, ...messages: (string | Buffer)[]): void {
  for (const message of messages) {
    mailbox.messages.push({
      uid: mailbox.uidNext,
      bytes: typeof message === 'string' ? Buffer.from(message, 'latin1') : message,
      internalDate: '17-Nov-2026 09:30:00 +0000',
      deleted: false,
    });
    mailbox.uidNext += 1;
  }
}

/** Gives the same messages new UIDs in a new epoch, as a migrated or restored server does. */
export function renumber(mailbox: ImapMailbox, uidValidity: number, firstUid = 1): void {
  mailbox.uidValidity = uidValidity;
  mailbox.uidNext = firstUid;
  for (const message of mailbox.messages) {
    message.uid = mailbox.uidNext;
    mailbox.uidNext += 1;
  }
}

/** The messages that a sequence-set of UIDs or of sequence numbers names (RFC 3501 section 6.4.8: `n:*` has the last). */
export function named(mailbox: ImapMailbox, set: string, byUid: boolean): { seq: number; message: StoredMessage }[] {
  const all = mailbox.messages.map((message, at) => ({ seq: at + 1, message }));
  const number = (it: (typeof all)[number]): number => (byUid ? it.message.uid : it.seq);
  const highest = all.length === 0 ? 0 : Math.max(...all.map(number));
  const ranges = set.split(',').map((part) => {
    const ends = part.split(':').map((end) => (end === '*' ? highest : Number(end)));
    const [from = 0, to = from] = ends;
    return [Math.min(from, to), Math.max(from, to)] as const;
  });
  return all.filter((it) => ranges.some(([from, to]) => number(it) >= from && number(it) <= to));
}
