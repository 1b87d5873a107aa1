import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { freePort } from '../peers/free-port.ts';

const EXAMPLES = join(import.meta.dirname, '../../examples/demo');
const MAILBOXES = ['mailbox.yaml', 'wrong-password.yaml'];

export interface DemoFolder {
  path: string;
  /** Of the archive, that the manifest names. */
  archive: string;
  /** Of the receiver. */
  smtpPort: number;
}

/** A fresh copy of examples/demo with what only this run can know: free ports, and the mail server's certificate. */
export async function makeDemoFolder(imapPort: number, certificate: string): Promise<DemoFolder> {
  const path = await mkdtemp(join(tmpdir(), 'mailhold-demo-'));
  await cp(EXAMPLES, path, { recursive: true, filter: (source) => !source.endsWith('.mailhold') });
  for (const name of MAILBOXES) {
    await edit(join(path, name), (document) => {
      document.setIn(['spec', 'imap', 'port'], imapPort);
      document.setIn(['spec', 'imap', 'caBundle'], certificate);
    });
  }
  let smtpPort = 0;
  const port = ['spec', 'receiver', 'listen', 'port'];
  await edit(join(path, 'gateway.yaml'), async (document) => {
    smtpPort = await freeOr(Number(document.getIn(port)));
    document.setIn(port, smtpPort);
  });
  return { path, archive: join(path, 'archive'), smtpPort };
}

export async function mailboxPassword(): Promise<string> {
  return (await readFile(join(EXAMPLES, 'mailbox.password'), 'utf8')).trim();
}

/** The port where nobody uses it, else another one. */
export async function freeOr(port: number): Promise<number> {
  const server = createServer();
  const free = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (!free) return freePort();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function edit(
  path: string,
  change: (document: ReturnType<typeof parseDocument>) => void | Promise<void>,
): Promise<void> {
  const document = parseDocument(await readFile(path, 'utf8'));
  await change(document);
  await writeFile(path, document.toString());
}
