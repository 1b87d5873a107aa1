import type { PollerConnection, PollerGroup } from '../process/contract.ts';
import { runWorker } from '../process/worker.ts';
import { createPoller } from './poller.ts';

await runWorker<PollerGroup, PollerConnection>('poller', async (context, group) => createPoller(context, group));
