import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { inNetwork } from './node-namespaces.ts';
import { mortal } from './program.ts';

/**
 * Makes a port of a network that has no way out reachable under the same number on this machine's loopback. A process
 * inside takes over each connection that is accepted outside: that is the way that needs no device between the two.
 *
 * @param pid of a process in the network
 * @param host that the port is of, inside
 */
export async function openDoor(pid: number, port: number, host = '127.0.0.1'): Promise<AsyncDisposable> {
  const command = [...inNetwork(pid), process.execPath, import.meta.filename, String(port), host];
  const [file = '', ...args] = mortal(command);
  const inside = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], detached: true });
  const server = createServer({ pauseOnConnect: true }, (socket) => inside.send('take', socket));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    [Symbol.asyncDispose]: async () => {
      server.close();
      const exit = once(inside, 'exit');
      inside.kill('SIGKILL');
      await exit;
    },
  };
}

if (import.meta.main) {
  const port = Number(process.argv[2]);
  const host = process.argv[3];
  process.on('message', (_, socket) => {
    const outside = socket as Socket;
    const target = connect(port, host ?? '127.0.0.1');
    // A side that breaks off closes the other, which is all there is to tell.
    const closed = (): void => undefined;
    pipeline(outside, target, closed);
    pipeline(target, outside, closed);
    outside.resume();
  });
}
