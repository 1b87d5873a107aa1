import type { KubeConfig } from '@kubernetes/client-node';
import type { KubeClient } from './client.ts';
import { type FinishedCall, measureCalls } from './measured-calls.ts';
import { readCalls } from './read-calls.ts';
import { createTransport } from './transport.ts';
import type { Clock, Log } from './types.ts';
import { logWarnings } from './warning-log.ts';
import { writeCalls } from './write-calls.ts';

export interface KubeClientOptions {
  /** See {@link loadKubeConfig}. */
  kubeConfig: KubeConfig;
  /** Such as `name/1.2.0`; shows in the server's audit log. */
  userAgent: string;
  clock: Clock;
  log: Log;
  /** For one call with all its tries, in ms; 10 s where left out. */
  deadlineMs?: number;
  /** Gets every call that ended, such as for metrics. */
  onCall?: (call: FinishedCall) => void;
}

/** A client of the current context's API server; one for the process. Its disposal ends what is under way. */
export function createKubeClient(options: KubeClientOptions): KubeClient {
  const { kubeConfig, userAgent, clock, log, deadlineMs, onCall } = options;
  const transport = createTransport({
    kubeConfig,
    userAgent,
    clock,
    onWarning: logWarnings(log),
    ...(deadlineMs !== undefined && { deadlineMs }),
  });
  const calls = measureCalls(transport, clock, onCall);
  const reads = readCalls(calls);
  return {
    ...reads,
    ...writeCalls(calls, reads.get),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  };
}
