import type { Socket } from 'node:net';

/** What a fault may do within one session. */
export interface ImapPeer {
  readonly socket: Socket;
  send(text: string | Buffer): void;
  /** Sessions of this server that are logged in now. */
  readonly sessions: number;
  /** Has this session logged in? */
  readonly loggedIn: boolean;
}

export interface ImapCommand {
  tag: string;
  /** In upper case, with `UID ` in front where it has it. */
  name: string;
  /** The rest of the line. */
  args: string;
}

/** A way in which the scripted server misbehaves. Every hook is optional; what it does not take over is served as ever. */
export interface ImapFault {
  /** Instead of the greeting. */
  greeting?(peer: ImapPeer): string | undefined;
  /** True: the command was dealt with, by an answer or by none. */
  command?(command: ImapCommand, peer: ImapPeer): boolean;
  /** Instead of the true number of messages. */
  exists?(count: number): number;
  /** Instead of the literal of a whole message, with its length mark. */
  body?(bytes: Buffer, uid: number, peer: ImapPeer): string | Buffer | undefined;
}
