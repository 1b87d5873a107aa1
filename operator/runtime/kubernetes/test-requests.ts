import type { ConnectionFacts } from '../../../workers/process/contract.ts';
import type { ArchiveConnection } from '../../api/archive-connection.ts';
import type { Clock, Log } from '../../kube/types.ts';
import { TEST_REQUEST_ANNOTATION } from '../../plan/connection.ts';
import { keyOf, type Plan } from '../../plan/plan.ts';
import { keepOnly } from '../keep-only.ts';
import type { WorkerClient } from '../workers/worker-client.ts';

/** Tests at once, over all connections: each holds a session to somebody's server. */
const AT_ONCE = 4;

/** The facts of a test that has ended are a moment behind its end. */
const FACTS_WITHIN_MS = 5_000;

export interface TestRequests {
  /** Starts what was asked for and is not handled yet. Forgets connections that are gone. */
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
  worker: (uid: string) => Pick<WorkerClient, 'test'> | undefined;
  onHandled: () => void;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
}

/** How a test went. */
type Course =
  | { type: 'ended'; endedAt: string; fault: string | undefined }
  /** No entry to test, or no password: the light Tested says why. */
  | { type: 'nothing-to-test' }
  /** There is no worker for it, or it has not got this version yet. */
  | { type: 'not-now' };

/**
 * Tests that the annotation {@link TEST_REQUEST_ANNOTATION} asks for: the password is read anew, the worker serves it, a
 * new session goes through every stage, and the value is echoed in the status with the lights that came of it.
 */
export function createTestRequests(options: TestRequestsOptions): TestRequests {
  const { plan, log, clock, signal } = options;
  /** By uid of the connection. */
  const handled = new Map<string, string>();
  const running = new Set<string>();
  /** Tests that have ended: whose facts are awaited, by uid. */
  const ended = new Map<string, { request: string; endedAt: string; until: number }>();
  /** When a request that is still open was tried last, by uid: those that cannot be tested now keep no others waiting. */
  const tried = new Map<string, number>();

  const course = async ({ metadata: { uid } }: ArchiveConnection): Promise<Course> => {
    options.mark(uid);
    await options.nextRound();
    const { entry } = plan()?.connections.get(uid) ?? {};
    const withoutPassword = entry?.method === 'IMAP' && entry.password === undefined;
    if (entry === undefined || withoutPassword) return { type: 'nothing-to-test' };
    for await (const event of options.worker(uid)?.test({ uid, revision: entry.revision }, signal) ?? []) {
      if (event.type === 'refused') return { type: 'not-now' };
      if (event.type === 'end') {
        return { type: 'ended', endedAt: event.attempt.endedAt, fault: event.attempt.fault?.code };
      }
    }
    return { type: 'not-now' };
  };
  const run = async (connection: ArchiveConnection, request: string): Promise<void> => {
    const { uid } = connection.metadata;
    const label = { connection: keyOf(connection), request };
    log.info('test-requested', label);
    const result = await course(connection);
    switch (result.type) {
      case 'ended': {
        const { endedAt, fault } = result;
        log.info('test-ended', { ...label, fault });
        ended.set(uid, { request, endedAt, until: clock.monotonic() + FACTS_WITHIN_MS });
        break;
      }
      case 'nothing-to-test':
        handled.set(uid, request);
        break;
      case 'not-now':
        // The request stays; the next round asks again, and has one whenever a worker has told something.
        return;
    }
    tried.delete(uid);
    options.onHandled();
  };
  const pendingRequest = ({ metadata, status }: ArchiveConnection): string | undefined => {
    const { uid, annotations } = metadata;
    const request = annotations?.[TEST_REQUEST_ANNOTATION];
    const last = handled.get(uid) ?? status?.lastHandledTestAt;
    return request === last || running.has(uid) || ended.has(uid) ? undefined : request;
  };
  const forgetOthers = (connections: readonly ArchiveConnection[]): void => {
    const present = new Set(connections.map(({ metadata }) => metadata.uid));
    for (const known of [handled, ended, tried]) keepOnly(known, present);
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
      forgetOthers(connections);
      const triedAt = ({ metadata }: ArchiveConnection): number => tried.get(metadata.uid) ?? -1;
      const pending = connections.filter((it) => pendingRequest(it) !== undefined);
      for (const connection of pending.sort((a, b) => triedAt(a) - triedAt(b))) {
        const request = pendingRequest(connection);
        if (request === undefined || running.size >= AT_ONCE) return;
        const { uid } = connection.metadata;
        running.add(uid);
        tried.set(uid, clock.monotonic());
        run(connection, request)
          .catch((error: unknown) => {
            if (!signal.aborted) log.warn('test-not-ended', { connection: keyOf(connection), error: String(error) });
          })
          .finally(() => running.delete(uid));
      }
    },
  };
}
