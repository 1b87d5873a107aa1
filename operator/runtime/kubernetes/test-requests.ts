import type { ConnectionFacts } from '../../../workers/process/contract.ts';
import type { ArchiveConnection } from '../../api/archive-connection.ts';
import type { Clock, Log } from '../../kube/types.ts';
import { TEST_REQUEST_ANNOTATION } from '../../plan/connection.ts';
import { keyOf, type Plan } from '../../plan/plan.ts';
import type { WorkerClient } from '../workers/worker-client.ts';

/** Tests at once, over all connections: each holds a session to somebody's server. */
const AT_ONCE = 4;

/** The facts of a test that has ended are a moment behind its end. */
const FACTS_WITHIN_MS = 5_000;

export interface TestRequests {
  /** Starts what was asked for and is not handled yet. */
  bring(connections: readonly ArchiveConnection[]): void;
  /**
   * By uid of the connection: the request that was handled last. One whose test has just ended is not among them until
   * its result is among the facts, so that the echo and the lights that came of it are written together.
   */
  handled(facts: ReadonlyMap<string, ConnectionFacts>): ReadonlyMap<string, string>;
}

export interface TestRequestsOptions {
  plan: () => Plan | undefined;
  /** Reads the password of a connection anew in the next round. */
  mark: (uid: string) => void;
  /** A round that begins after this call. */
  nextRound: () => Promise<void>;
  /** The client of a worker that serves the connection, where there is one. */
  worker: (uid: string) => WorkerClient | undefined;
  onHandled: () => void;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
}

/**
 * Tests that the annotation {@link TEST_REQUEST_ANNOTATION} asks for: the password is read anew, the worker serves it, a
 * new session goes through every stage, and the value is echoed in the status with the lights that came of it.
 */
export function createTestRequests(options: TestRequestsOptions): TestRequests {
  const { plan, log, clock, signal } = options;
  const handled = new Map<string, string>();
  const running = new Set<string>();
  /** Tests that have ended: whose facts are awaited, by uid. */
  const ended = new Map<string, { request: string; endedAt: string; until: number }>();

  const run = async (connection: ArchiveConnection, request: string): Promise<void> => {
    const { uid } = connection.metadata;
    const label = { connection: keyOf(connection), request };
    log.info('test-requested', label);
    options.mark(uid);
    await options.nextRound();
    const { entry } = plan()?.connections.get(uid) ?? {};
    const withoutPassword = entry?.method === 'IMAP' && entry.password === undefined;
    // Without these the light Tested says why there is nothing to test with.
    if (entry !== undefined && !withoutPassword) {
      const worker = options.worker(uid);
      if (worker === undefined) return;
      for await (const event of worker.test({ uid, revision: entry.revision }, signal)) {
        // The worker has not got this version yet: the request stays, and the next round asks again.
        if (event.type === 'refused') return;
        if (event.type !== 'end') continue;
        const { endedAt, fault } = event.attempt;
        log.info('test-ended', { ...label, fault: fault?.code });
        ended.set(uid, { request, endedAt, until: clock.monotonic() + FACTS_WITHIN_MS });
      }
    } else handled.set(uid, request);
    options.onHandled();
  };

  return {
    handled: (facts) => {
      for (const [uid, { request, endedAt, until }] of ended) {
        const told = facts.get(uid)?.attempt?.endedAt;
        if ((told === undefined || told < endedAt) && clock.monotonic() < until) continue;
        handled.set(uid, request);
        ended.delete(uid);
      }
      return handled;
    },
    bring: (connections) => {
      for (const connection of connections) {
        const { uid, annotations } = connection.metadata;
        const request = annotations?.[TEST_REQUEST_ANNOTATION];
        const last = handled.get(uid) ?? connection.status?.lastHandledTestAt;
        if (request === undefined || request === last || running.has(uid) || ended.has(uid)) continue;
        if (running.size >= AT_ONCE) return;
        running.add(uid);
        run(connection, request)
          .catch((error: unknown) => {
            if (!signal.aborted) log.warn('test-not-ended', { connection: keyOf(connection), error: String(error) });
          })
          .finally(() => running.delete(uid));
      }
    },
  };
}
