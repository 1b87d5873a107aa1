import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAM = '/usr/bin/mbsync';

/** Why mbsync cannot run here, or undefined. */
export const mbsyncMissing: string | undefined = existsSync(PROGRAM)
  ? undefined
  : 'not run: the Debian package isync is not installed';

export interface MbsyncOptions {
  host: string;
  /** With TLS from the first byte. */
  port: number;
  user: string;
  password: string;
  /** PEM that the server's certificate is verified with. */
  certificate: string;
  /** Whether each message is made durable before its state is written. */
  fsync: boolean;
}

/**
 * Pulls the INBOX into a new Maildir with the real mbsync.
 *
 * @returns wall time of the whole program in ms, and the messages that it brought
 * @throws Error with its words where it failed
 */
export async function pullWithMbsync(options: MbsyncOptions): Promise<{ ms: number; messages: number }> {
  const folder = await mkdtemp(join(tmpdir(), 'mailhold-mbsync-'));
  try {
    await mkdir(join(folder, 'mail'));
    await writeFile(join(folder, 'certificate.pem'), options.certificate);
    await writeFile(join(folder, 'mbsyncrc'), configuration(folder, options), { mode: 0o600 });
    const began = performance.now();
    const child = spawn(PROGRAM, ['-q', '-c', join(folder, 'mbsyncrc'), 'pull'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words += text;
    });
    const [code] = await once(child, 'close');
    const ms = performance.now() - began;
    if (code !== 0) throw new Error(`mbsync ended with ${code}: ${words}`);
    const names = await Promise.all(['new', 'cur'].map((part) => readdir(join(folder, 'mail', 'INBOX', part))));
    return { ms, messages: names.flat().length };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function configuration(folder: string, { host, port, user, password, certificate: _, fsync }: MbsyncOptions): string {
  return `FSync ${fsync ? 'yes' : 'no'}

IMAPAccount source
Host ${host}
Port ${port}
User ${user}
Pass ${password}
SSLType IMAPS
CertificateFile ${folder}/certificate.pem

IMAPStore remote
Account source

MaildirStore local
Path ${folder}/mail/
Inbox ${folder}/mail/INBOX

Channel pull
Far :remote:
Near :local:
Patterns INBOX
Sync Pull
Create Near
Expunge None
SyncState *
`;
}
