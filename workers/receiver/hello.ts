import { lineText } from './command.ts';
import { type Reply, replies } from './replies.ts';
import type { Dialogue, SessionServices } from './session-services.ts';
import { leavePeer } from './transaction.ts';

/** RFC 5321 4.5.3.1.2. */
const LONGEST_NAME = 255;

/**
 * Answers EHLO and HELO (RFC 5321 4.1.1.1), which begin the dialogue anew.
 *
 * @returns a refusal, or the text of the reply
 */
export function hello(dialogue: Dialogue, services: SessionServices, line: Buffer, extended: boolean): Reply | string {
  const name = lineText(line)?.slice(5).trim() ?? '';
  if (name === '' || name.length > LONGEST_NAME) return replies.heloSyntax;
  dialogue.helo = name;
  // In clear text a token could be read by others on the way, and used by them.
  dialogue.selfTest = dialogue.tls !== undefined && services.isSelfTest(name);
  if (dialogue.selfTest) leavePeer(dialogue, services);
  const { greeting } = services.served();
  if (!extended) return greeting.helo;
  return dialogue.tls === undefined && services.tlsUsable() ? greeting.ehloWithStartTls : greeting.ehlo;
}

/** What stands against STARTTLS now, if anything. */
export function startTlsRefusal(dialogue: Dialogue, services: SessionServices): Reply | undefined {
  if (dialogue.tls !== undefined) return replies.tlsAlready;
  if (dialogue.helo === '') return replies.heloFirst;
  return services.tlsUsable() ? undefined : replies.tlsNotAvailable;
}
