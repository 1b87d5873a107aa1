import { createServer, type Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';

export interface DiscardServer extends AsyncDisposable {
  port: number;
}

export interface DiscardOptions {
  certificate: string;
  privateKey: string;
  /** Gets each message as it came, dots still doubled, with its end of data. Absent: bytes are dropped unseen. */
  onMessage?: (wire: Buffer) => void;
}

const END_OF_DATA = Buffer.from('\r\n.\r\n');

/**
 * The least that passes for an SMTP server: it answers by counting lines and drops what it gets. What it takes in is the
 * limit of the generator and of loopback, no rate of any real server.
 */
export async function startDiscardServer(options: DiscardOptions): Promise<DiscardServer> {
  const secureContext = createSecureContext({ cert: options.certificate, key: options.privateKey });
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.write('220 discard.example ESMTP\r\n');
    converse(socket, secureContext, options.onMessage);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    port: address.port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function converse(socket: Socket, secureContext: SecureContext, onMessage: DiscardOptions['onMessage']): void {
  let inMessage = false;
  /** The last bytes of the message so far, in which the end of data may have begun; all of it where it is wanted. */
  let held: Buffer = Buffer.alloc(0);

  const onData = (chunk: Buffer): void => {
    let rest = chunk;
    let out = '';
    while (rest.length > 0) {
      if (inMessage) {
        const all = held.length === 0 ? rest : Buffer.concat([held, rest]);
        // A body begins behind a line's end, so that a lone dot is its end as well.
        const end = all.indexOf(END_OF_DATA);
        if (end === -1) {
          held = onMessage ? all : Buffer.from(all.subarray(-4));
          break;
        }
        onMessage?.(Buffer.from(all.subarray(0, end + END_OF_DATA.length)));
        rest = all.subarray(end + END_OF_DATA.length);
        held = Buffer.alloc(0);
        inMessage = false;
        out += '250 2.0.0 dropped\r\n';
        continue;
      }
      const end = rest.indexOf('\n');
      const line = Buffer.concat([held, end === -1 ? rest : rest.subarray(0, end)]);
      rest = end === -1 ? Buffer.alloc(0) : rest.subarray(end + 1);
      held = end === -1 ? line : Buffer.alloc(0);
      if (end === -1) break;
      switch (line.toString('latin1', 0, 4).toUpperCase()) {
        case 'EHLO':
          out += '250-discard.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n';
          break;
        case 'STAR':
          socket.off('data', onData);
          socket.pause();
          socket.write('220 2.0.0 go\r\n');
          secure(socket, secureContext, onMessage);
          return;
        case 'DATA':
          inMessage = true;
          out += '354 go\r\n';
          break;
        case 'QUIT':
          socket.end(`${out}221 2.0.0 bye\r\n`);
          return;
        default:
          out += '250 2.1.0 ok\r\n';
      }
    }
    if (out !== '') socket.write(out);
  };
  socket.on('data', onData);
}

function secure(socket: Socket, secureContext: SecureContext, onMessage: DiscardOptions['onMessage']): void {
  const secured = new TLSSocket(socket, { isServer: true, secureContext });
  secured.on('error', () => secured.destroy());
  converse(secured, secureContext, onMessage);
}
