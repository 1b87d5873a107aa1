import { parseMail, parseRcpt } from './command.ts';
import { decide } from './policy.ts';
import { type Reply, replies } from './replies.ts';
import type { Recipient, Served } from './served.ts';
import type { Dialogue, SessionServices } from './session-services.ts';

/** MAIL and its RCPTs (RFC 5321 3.3). */
export interface Transaction {
  /** Without angle brackets; empty: the null reverse-path. */
  mailFrom: string;
  smtpUtf8: boolean;
  /** BODY=BINARYMIME: DATA is refused, since its dots and line ends could change what is binary (RFC 3030 3). */
  binary: boolean;
  /** SIZE of MAIL in bytes, 0 where it gave none. */
  declared: number;
  rcptTo: string[];
  /** The connections of these recipients, each once. */
  recipients: Recipient[];
  /** A chunk of it was refused: all that is left is RSET (RFC 3030 2). */
  failed: boolean;
}

/** Answers MAIL. No sender is refused: a journal's return path is not ours to judge. */
export function mail(dialogue: Dialogue, services: SessionServices, line: Buffer): Reply {
  if (dialogue.helo === '') return replies.heloFirst;
  if (dialogue.tls === undefined) return clearTextRefusal(dialogue, services);
  if (dialogue.transaction !== undefined) return replies.mailAlready;
  const command = parseMail(line);
  if (!command.ok) return command.reply;
  dialogue.transaction = {
    mailFrom: command.path.text,
    smtpUtf8: command.smtpUtf8,
    binary: command.binary,
    declared: command.size,
    rcptTo: [],
    recipients: [],
    failed: false,
  };
  return replies.senderOk;
}

/**
 * Answers RCPT, and counts a refusal on the connection that it was for.
 *
 * @param begun the transaction's message has begun, in chunks
 */
export function rcpt(dialogue: Dialogue, services: SessionServices, line: Buffer, begun: boolean): Reply {
  const { transaction, tls, peer, selfTest } = dialogue;
  if (tls === undefined) return clearTextRefusal(dialogue, services);
  if (transaction === undefined) return replies.mailFirst;
  if (begun || transaction.failed) return replies.dataAfterChunk;
  const command = parseRcpt(line, transaction.smtpUtf8);
  if (!command.ok) return command.reply;
  const { localPart, domain, text } = command.path;
  const served = services.served();
  const decision = decide({ localPart, domain, peer, tlsVersion: tls.version, selfTest }, served);
  if ('recipient' in decision && !selfTest && !dialogue.namedRecipient) {
    dialogue.namedRecipient = true;
    services.namedRecipient(peer);
  }
  switch (decision.kind) {
    case 'not-ours':
      return decision.reply;
    case 'unknown':
      services.unknownRecipient(peer.address);
      return decision.reply;
    case 'refuse':
      if (!selfTest) decision.recipient.board.refused(decision.reply.text, peer.address);
      return decision.reply;
    case 'accept': {
      const { recipient } = decision;
      const refusal = admit(dialogue, services, transaction, recipient, served);
      if (refusal === undefined) {
        transaction.rcptTo.push(text);
        return replies.recipientOk;
      }
      if (!selfTest) recipient.board.refused(refusal.text, peer.address);
      return refusal;
    }
  }
}

/** Puts an accepted recipient into the transaction, or tells what stands against it. */
function admit(
  dialogue: Dialogue,
  services: SessionServices,
  transaction: Transaction,
  recipient: Recipient,
  { limits: { recipientsPerTransaction, messageBytes } }: Served,
): Reply | undefined {
  if (transaction.rcptTo.length >= recipientsPerTransaction) return replies.tooManyRecipients;
  // At RCPT and not at MAIL, so that the connection that it was for can show it.
  if (transaction.declared > messageBytes) return replies.tooBig;
  const { uid } = recipient.entry;
  const { joined } = dialogue;
  if (!dialogue.selfTest && !joined.some((one) => one.entry.uid === uid)) {
    const busy = services.limits.join(uid);
    if (busy !== undefined) return busy;
    joined.push(recipient);
  }
  leavePeer(dialogue, services);
  if (!transaction.recipients.some((one) => one.entry.uid === uid)) transaction.recipients.push(recipient);
  return undefined;
}

/** The session counts no longer against the limit of its peer. */
export function leavePeer(dialogue: Dialogue, { limits }: SessionServices): void {
  if (!dialogue.countsForPeer) return;
  dialogue.countsForPeer = false;
  limits.leavePeer(dialogue.peer.address);
}

/** Why no message may begin now, if anything stands against it. */
export function sequenceError(dialogue: Dialogue, services: SessionServices): Reply | undefined {
  if (dialogue.tls === undefined) return clearTextRefusal(dialogue, services);
  if (dialogue.transaction === undefined) return replies.mailFirst;
  if (dialogue.selfTest) return replies.selfTestData;
  return dialogue.transaction.recipients.length === 0 ? replies.recipientFirst : undefined;
}

/** 530 for a peer that did not use TLS; deferred where it could not, or may have tried. */
function clearTextRefusal({ peer }: Dialogue, { tlsUsable, handshakes }: SessionServices): Reply {
  return !tlsUsable() || handshakes.failedLately(peer.address) ? replies.tlsUnusable : replies.tlsRequired;
}
