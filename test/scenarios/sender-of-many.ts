import { createHash } from 'node:crypto';
import { Client } from '../../workers/receiver/testing/client.ts';
import { addressOf } from '../../workers/receiver/testing/receiver.ts';

/** One message as its sender knows it. */
export interface Sent {
  name: string;
  sha256: string;
  /** Bytes. */
  length: number;
  connections: string[];
  /** Its last byte, and the end of the data, were handed to the connection. */
  complete: boolean;
  /** What the 250 named, `WRITER:NUMBER`; undefined where none came. */
  position: string | undefined;
}

export interface Ledger {
  sent: Sent[];
}

export interface Sender {
  port: number;
  /** Is in every message, so that no two are alike. */
  name: string;
  /** Seeds of entries; each message goes to one or two. */
  connections: readonly string[];
  random: () => number;
  ledger: Ledger;
  /** How many, where the connection is not cut before. */
  messages?: number;
  onConnected: () => void;
}

const LINES = Buffer.from(
  '.\r\n..\r\nbare \n.\n and \r.\r, \0 and \xff, then a line of its own\r\n'.repeat(60_000),
  'latin1',
);

/** Sends messages of mixed sizes over STARTTLS, by DATA and by BDAT, until the server goes away. */
export async function sendUntilCut(sender: Sender): Promise<void> {
  const { port, name, random, ledger, messages = Number.POSITIVE_INFINITY, onConnected } = sender;
  const client = await Client.secure(port, `${name}.example`);
  onConnected();
  try {
    for (let number = 1; number <= messages; number += 1) {
      const bytes = messageOf(`${name}-${number}`, random);
      const first = sender.connections[Math.floor(random() * sender.connections.length)] ?? '';
      const second = random() < 0.2 ? sender.connections.find((it) => it !== first) : undefined;
      const connections = second === undefined ? [first] : [first, second];
      const sent: Sent = {
        name: `${name}-${number}`,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        length: bytes.length,
        connections,
        complete: false,
        position: undefined,
      };
      await client.command('MAIL FROM:<>');
      for (const connection of connections) await client.command(`RCPT TO:<${addressOf(connection)}>`);
      ledger.sent.push(sent);
      const text =
        random() < 0.5 ? await byData(client, bytes, sent, random) : await byChunks(client, bytes, sent, random);
      const position = /^250 2\.0\.0 Kept as (\w+:\d+)$/.exec(text)?.[1];
      if (position === undefined) throw new Error(`${sent.name} was answered ${text}`);
      sent.position = position;
    }
  } catch (error) {
    // A cut is what is waited for; an answer that is no 250 is not.
    if (!client.socket.destroyed && !client.socket.readableEnded) throw error;
  } finally {
    client.destroy();
  }
}

async function byData(client: Client, bytes: Buffer, sent: Sent, random: () => number): Promise<string> {
  const go = await client.command('DATA');
  if (go.code !== 354) return go.text;
  const stuffed = Buffer.from(bytes.toString('latin1').replaceAll(/(^|\r\n)\./g, '$1..'), 'latin1');
  await inPieces(client, stuffed, random);
  sent.complete = true;
  client.send('.\r\n');
  return (await client.reply()).text;
}

async function byChunks(client: Client, bytes: Buffer, sent: Sent, random: () => number): Promise<string> {
  const half = Math.floor(bytes.length * random());
  client.send(`BDAT ${half}\r\n`);
  await inPieces(client, bytes.subarray(0, half), random);
  const taken = await client.reply();
  if (taken.code !== 250) return taken.text;
  client.send(`BDAT ${bytes.length - half} LAST\r\n`);
  await inPieces(client, bytes.subarray(half, -1), random);
  sent.complete = true;
  client.send(bytes.subarray(-1));
  return (await client.reply()).text;
}

/** Piece by piece, each when the one before has left, so that a cut falls between them. */
async function inPieces(client: Client, bytes: Buffer, random: () => number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + 1 + Math.floor(random() * 128 * 1024));
    await new Promise<void>((resolve, reject) => {
      client.socket.write(piece, (error) => (error ? reject(error) : resolve()));
    });
    at += piece.length;
  }
}

/** Most small, some up to 1 MiB, which the log keeps in memory and writes together, few up to 2.5 MB. */
function messageOf(name: string, random: () => number): Buffer {
  const kind = random();
  const [least, most] = kind < 0.6 ? [10, 20_000] : kind < 0.88 ? [100_000, 1_000_000] : [1_100_000, 2_500_000];
  const head = Buffer.from(`Subject: ${name}\r\n\r\n`);
  const length = Math.floor(least + random() * (most - least));
  return Buffer.concat([head, LINES.subarray(0, length), Buffer.from('\r\n')]);
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
