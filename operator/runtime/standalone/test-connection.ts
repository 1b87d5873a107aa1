import type { TestEvent } from '../../../workers/process/contract.ts';
import { findCondition } from '../../api/conditions.ts';
import type { Plan, PlannedConnection } from '../../plan/plan.ts';
import type { Rounds } from '../rounds.ts';
import type { EventLog } from './event-log.ts';
import type { Fleet } from './fleet.ts';
import type { Secrets } from './secrets.ts';

export interface TestDependencies {
  plan: () => Plan | undefined;
  rounds: Rounds;
  secrets: Secrets;
  fleet: Fleet;
  log: EventLog;
}

/**
 * Tests one connection on request: reads its secret anew, has that configuration served, and yields the stages of a new
 * session as they pass.
 *
 * @param namespace may be left out where the name is in one namespace only
 * @returns undefined where there is no such connection, or more than one
 */
export function testConnection(
  dependencies: TestDependencies,
  namespace: string | undefined,
  name: string,
  signal: AbortSignal,
): AsyncIterable<TestEvent> | undefined {
  const named = [...(dependencies.plan()?.connections.values() ?? [])].filter(
    ({ connection: { metadata } }) =>
      metadata.name === name && (namespace === undefined || metadata.namespace === namespace),
  );
  const [found] = named;
  return found === undefined || named.length > 1 ? undefined : events(dependencies, found, signal);
}

async function* events(
  { plan, rounds, secrets, fleet, log }: TestDependencies,
  { connection: { metadata } }: PlannedConnection,
  signal: AbortSignal,
): AsyncGenerator<TestEvent> {
  const label = { connection: `${metadata.namespace}/${metadata.name}` };
  log.info('test-requested', label);
  secrets.mark(metadata.uid);
  await rounds.next();
  const planned = plan()?.connections.get(metadata.uid);
  const { entry, gateway } = planned ?? {};
  const withoutPassword = entry?.method === 'IMAP' && entry.password === undefined;
  if (entry === undefined || gateway === undefined || withoutPassword) {
    // Tested says why there is nothing to test with, also where Ready says "Disabled, as asked".
    const words = findCondition(planned?.status.conditions, 'Tested')?.message;
    yield { type: 'refused', message: words ?? 'The connection was deleted.' };
    return;
  }
  const worker = fleet.worker(gateway.metadata, entry.method === 'SMTP' ? 'receiver' : 'poller');
  if (worker === undefined) {
    yield {
      type: 'refused',
      message: 'The worker of this connection has not been started; see the status of its gateway.',
    };
    return;
  }
  try {
    for await (const event of worker.test({ uid: entry.uid, revision: entry.revision }, signal)) {
      yield event;
      if (event.type === 'end') log.info('test-ended', { ...label, fault: event.attempt.fault?.code });
    }
  } catch (error) {
    if (signal.aborted) return;
    log.warn('test-not-ended', { ...label, error: error instanceof Error ? error.message : String(error) });
    yield {
      type: 'refused',
      message: 'The worker of this connection cannot be reached, or ended; try again in a moment.',
    };
  }
}
