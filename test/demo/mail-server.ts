import { dovecotMissing, startDovecot } from '../peers/dovecot.ts';
import { deliver, newMailbox } from '../peers/imap-server/mailbox.ts';
import { startImapServer } from '../peers/imap-server/server.ts';

/** A mail server for the mailboxes of the demo. */
export interface DemoMailServer extends AsyncDisposable {
  /** What it is, for a person. */
  what: string;
  /** Of IMAP over TLS, on 127.0.0.1. */
  port: number;
  /** PEM; a client that trusts it trusts the server. */
  certificate: string;
}

/**
 * Dovecot where it is installed, else the scripted server of the tests.
 *
 * @param users names to passwords
 * @param mailbox user whose INBOX holds `messages`
 * @param scripted true: even where Dovecot is installed
 */
export async function startMailServer(
  users: Record<string, string>,
  mailbox: string,
  messages: readonly Buffer[],
  scripted = dovecotMissing !== undefined,
): Promise<DemoMailServer> {
  if (scripted || dovecotMissing !== undefined) {
    // Its users share one INBOX; that the other user's password is wrong keeps them apart.
    const inbox = newMailbox();
    deliver(inbox, ...messages);
    const server = await startImapServer({ users, folders: { INBOX: inbox } });
    return {
      what: `the scripted IMAP server of the tests (${dovecotMissing === undefined ? 'as asked' : 'Dovecot is not installed'})`,
      port: server.port,
      certificate: server.certificate,
      [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
    };
  }
  const dovecot = await startDovecot({ users });
  await dovecot.fill(mailbox, messages);
  return {
    what: 'Dovecot',
    port: dovecot.imapsPort,
    certificate: dovecot.certificate,
    [Symbol.asyncDispose]: () => dovecot[Symbol.asyncDispose](),
  };
}
