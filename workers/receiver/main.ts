import type { ReceiverConnection, ReceiverGroup } from '../process/contract.ts';
import { runWorker } from '../process/worker.ts';
import { createReceiver } from './receiver.ts';

await runWorker<ReceiverGroup, ReceiverConnection>('receiver', async (context, group) =>
  createReceiver(context, group),
);
