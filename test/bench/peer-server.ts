import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { ServerAnswer, ServerOrder } from './server-process.ts';

export interface PeerServer extends AsyncDisposable {
  port: number;
  pid: number;
}

/** A server of ours or of npm in a process of its own, as the workers are. */
export async function startPeerServer(order: ServerOrder): Promise<PeerServer> {
  const child = fork(join(import.meta.dirname, 'server-process.ts'), [JSON.stringify(order)]);
  const ended = once(child, 'exit');
  const answer = await Promise.race([once(child, 'message'), ended]);
  const { pid } = child;
  const port = (answer[0] as Partial<ServerAnswer> | null)?.port;
  if (port === undefined || pid === undefined) throw new Error(`the ${order.kind} server did not start`);
  return {
    port,
    pid,
    [Symbol.asyncDispose]: async () => {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}
