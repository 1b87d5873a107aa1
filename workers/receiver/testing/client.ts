import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { readReplies, type ServerReply } from '../reply-reader.ts';

const PATIENCE_MS = 10_000;

/** An SMTP client that does what a test tells it, well-formed or not. */
export class Client {
  socket: Socket;
  readonly #raw: Socket;
  #replies: ReturnType<typeof readReplies>;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.#raw = socket;
    this.#replies = readReplies(socket);
  }

  /** Connects, and does not wait for the greeting. */
  static async connect(port: number, localAddress = '127.0.0.1'): Promise<Client> {
    const socket = connectTcp({ host: '127.0.0.1', port, localAddress, allowHalfOpen: true, noDelay: true });
    await once(socket, 'connect');
    return new Client(socket);
  }

  /** Connected, secured, and behind its second EHLO. */
  static async secure(port: number, name = 'client.example', options: ConnectionOptions = {}): Promise<Client> {
    const client = await Client.connect(port);
    await client.reply();
    await client.command(`EHLO ${name}`);
    await client.startTls(options);
    await client.command(`EHLO ${name}`);
    return client;
  }

  async startTls(options: ConnectionOptions = {}): Promise<void> {
    await this.command('STARTTLS');
    await this.wrap(options);
  }

  /** The handshake alone. */
  async wrap(options: ConnectionOptions = {}): Promise<void> {
    this.#replies.release();
    // A wrapped socket is half-open where the one below is.
    const socket = connectTls({ socket: this.socket, rejectUnauthorized: false, ...options });
    await once(socket, 'secureConnect');
    this.socket = socket;
    this.#replies = readReplies(socket);
  }

  send(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** The next reply, its lines joined by a space. */
  async reply(): Promise<ServerReply & { text: string }> {
    const reply = await this.#replies.next(AbortSignal.timeout(PATIENCE_MS));
    return { ...reply, text: reply.lines.join(' ') };
  }

  async command(line: string): Promise<ServerReply & { text: string }> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  /** MAIL, RCPT, DATA and the body with its final dot, which is given as it goes on the wire. */
  async transaction(recipients: string[], wire: string | Buffer): Promise<string> {
    await this.command('MAIL FROM:<sender@example.org>');
    for (const recipient of recipients) await this.command(`RCPT TO:<${recipient}>`);
    const go = await this.command('DATA');
    if (go.code !== 354) return go.text;
    this.send(wire);
    return (await this.reply()).text;
  }

  /** Resolves when the server has closed the connection. */
  async closed(): Promise<void> {
    if (this.socket.readableEnded || this.socket.destroyed) return;
    await Promise.race([once(this.socket, 'end'), once(this.socket, 'close')]);
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Cuts the connection with a TCP reset, which the server sees at once, unlike an end behind which it may still reply. */
  reset(): void {
    this.#raw.resetAndDestroy();
  }
}
