import type { ArchiveLog } from '../archive/log.ts';
import type { Clock } from '../process/clock.ts';
import type { Logger } from '../process/logger.ts';
import type { Handshakes } from './handshakes.ts';
import type { Limits } from './limits.ts';
import type { PeerAddress } from './ranges.ts';
import type { Reply } from './replies.ts';
import type { Recipient, Served } from './served.ts';
import type { Timeouts } from './timeouts.ts';
import type { Transaction } from './transaction.ts';

/** What a session needs of the receiver; the same object for all of them. */
export interface SessionServices {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly log: ArchiveLog;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly handshakes: Handshakes;
  /** What is served now. */
  served(): Served;
  /** False where the certificate is unusable: STARTTLS is not offered then. */
  tlsUsable(): boolean;
  /** True for an EHLO name that marks a self-test. */
  isSelfTest(helo: string): boolean;
  unknownRecipient(peer: string): void;
  /** Once per session: it has named a recipient that is served, whatever the answer was. */
  namedRecipient(peer: PeerAddress): void;
  /** Every refusal, for the metrics. */
  refused(reply: Reply): void;
  /** A message is durable. @param ms since its last byte */
  acknowledged(ms: number): void;
}

/** The session's way to its socket. */
export interface Wire {
  send(text: string): void;
  /** Stops and goes on with reading from the peer. */
  pause(): void;
  resume(): void;
  /** Sends the reply to STARTTLS and wraps the socket; `Session.secured` follows. */
  startTls(line: string): void;
  /** Sends, closes our side, and drops what the peer still sends. */
  end(text: string): void;
  destroy(): void;
}

/** Who the peer is and what it has said so far. The verbs read and change it. */
export interface Dialogue {
  readonly peer: PeerAddress;
  readonly port: number;
  /** Empty before EHLO or HELO. */
  helo: string;
  tls: { version: string; cipher: string } | undefined;
  /** Its EHLO behind STARTTLS carried a valid token. */
  selfTest: boolean;
  transaction: Transaction | undefined;
  /** Connections that this session counts for. */
  joined: Recipient[];
  /** The session still counts for its peer: it has named no recipient that we serve. */
  countsForPeer: boolean;
  /** It has named a recipient that is served, accepted or not. */
  namedRecipient: boolean;
}
