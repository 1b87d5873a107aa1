import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { readReplies } from '../../workers/receiver/reply-reader.ts';

export interface Server {
  host: string;
  port: number;
  /** PEM that the server's certificate is verified with. */
  certificate: string;
  /** Name that the certificate must be for. */
  serverName: string;
}

const PATIENCE_MS = 20_000;

/** Connects, says STARTTLS and EHLO, and returns the socket behind the last line of the second EHLO's reply. */
export async function openSecured({ host, port, certificate, serverName }: Server): Promise<TLSSocket> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const plain = connectTcp({ host, port, noDelay: true });
  await once(plain, 'connect', { signal: patience });
  const before = readReplies(plain);
  await expect(before, 220, patience);
  plain.write('EHLO client.bench.example\r\n');
  await expect(before, 250, patience);
  plain.write('STARTTLS\r\n');
  await expect(before, 220, patience);
  before.release();
  const secured = connectTls({
    socket: plain as Socket,
    servername: serverName,
    ca: certificate,
    minVersion: 'TLSv1.3',
  });
  await once(secured, 'secureConnect', { signal: patience });
  const behind = readReplies(secured);
  secured.write('EHLO client.bench.example\r\n');
  await expect(behind, 250, patience);
  behind.release();
  return secured;
}

async function expect(replies: ReturnType<typeof readReplies>, code: number, signal: AbortSignal): Promise<void> {
  const reply = await replies.next(signal);
  if (reply.code !== code) throw new Error(`expected ${code}, and the server says: ${reply.lines.join(' ')}`);
}
