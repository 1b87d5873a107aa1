import { isJournalLocalPart } from './address.ts';
import type { PeerAddress } from './ranges.ts';
import { type Reply, replies } from './replies.ts';
import type { Recipient, Served } from './served.ts';

/** What the answer to RCPT depends on. */
export interface Question {
  localPart: string;
  /** In lower case. */
  domain: string;
  peer: PeerAddress;
  /** `TLSv1.2` or `TLSv1.3`, as node:tls names it. */
  tlsVersion: string;
  /** A session with a valid token is not subject to sender ranges and Disabled. */
  selfTest: boolean;
}

export type Decision =
  | { kind: 'accept'; recipient: Recipient }
  /** Refused, and counted on the connection that it was for. */
  | { kind: 'refuse'; reply: Reply; recipient: Recipient }
  /** One of ours by its check characters, and served by nobody: an alarm. */
  | { kind: 'unknown'; reply: Reply }
  | { kind: 'not-ours'; reply: Reply };

/** Decides about one recipient. Pure, synchronous, and only memory: it is on the hot path. */
export function decide(question: Question, served: Pick<Served, 'journalDomain' | 'recipients'>): Decision {
  const localPart = question.localPart.toLowerCase();
  const recipient = question.domain === served.journalDomain ? served.recipients.get(localPart) : undefined;
  if (recipient === undefined) {
    // The domain may be what drifted, so check characters decide in any domain.
    return isJournalLocalPart(localPart)
      ? { kind: 'unknown', reply: replies.unknown }
      : { kind: 'not-ours', reply: replies.notOurs };
  }
  const { entry, ranges } = recipient;
  if (entry.minimumTLS === 'TLSv1.3' && question.tlsVersion !== 'TLSv1.3') {
    return { kind: 'refuse', reply: replies.tlsTooOld, recipient };
  }
  if (question.selfTest) return { kind: 'accept', recipient };
  if (entry.state === 'Disabled') {
    const reply = entry.whenDisabled === 'Reject' ? replies.disabledForGood : replies.disabled;
    return { kind: 'refuse', reply, recipient };
  }
  if (ranges !== undefined && !ranges.check(question.peer.address, question.peer.family)) {
    const reply = entry.outsideRanges === 'Reject' ? replies.outsideRangesForGood : replies.outsideRanges;
    return { kind: 'refuse', reply, recipient };
  }
  return { kind: 'accept', recipient };
}
