import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDiscardServer } from './discard-server.ts';
import { startStockServer } from './stock-server.ts';

/** What the process is told on its command line, as JSON. */
export interface ServerOrder {
  kind: 'discard' | 'stock';
  certificate: string;
  privateKey: string;
}

/** What it answers, once. */
export interface ServerAnswer {
  port: number;
}

// The process of peer-server.ts: one server that is measured, until the channel closes.
const { kind, certificate, privateKey } = JSON.parse(process.argv[2] ?? '') as ServerOrder;
const folder = await mkdtemp(join(tmpdir(), 'mailhold-bench-server-'));
const server =
  kind === 'discard'
    ? await startDiscardServer({ certificate, privateKey })
    : await startStockServer({ certificate, privateKey, folder });
process.once('disconnect', () => void stop());
process.send?.({ port: server.port } satisfies ServerAnswer);

async function stop(): Promise<void> {
  await server[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}
