import type { Store } from '../archive/store.ts';
import { openFileStore } from '../archive/store-file.ts';
import { createByteBudget } from '../process/byte-budget.ts';
import { timestamp } from '../process/clock.ts';
import type { Configuration } from '../process/configuration.ts';
import type { Attempt, Fault, PollerConnection, PollerGroup } from '../process/contract.ts';
import type { ConnectionBoard } from '../process/facts-board.ts';
import { FaultError, toFaultError } from '../process/fault-error.ts';
import type { Worker, WorkerContext } from '../process/worker.ts';
import { compileEgress, type Egress } from './egress.ts';
import { createGate } from './gate.ts';
import { type Mailbox, startMailbox } from './mailbox.ts';
import { type MailboxState, newMailboxState } from './mailbox-state.ts';
import { createArchiveMemory } from './memory.ts';
import { registerMetrics } from './metrics.ts';
import { type PollServices, probe } from './poll.ts';
import { createReadBack } from './read-back.ts';
import { createResolve, type Resolve } from './resolve.ts';
import { defaultScheduleTimes, type ScheduleTimes } from './schedule.ts';
import { defaultTimeouts, type SessionTimeouts } from './session.ts';

/** Sessions that are being opened at once. */
const OPENING = 64;
const OPENING_AFTER_FAILURE = 16;
/** How long a poll waits for the archive when the process has just begun. */
const ARCHIVE_OPENS_MS = 5_000;

/** A login costs as much as some hundred messages. */
const SECOND_SESSION_FROM = 1_000;

/** What tests set otherwise. */
export interface PollerOptions {
  timeouts?: Partial<SessionTimeouts>;
  times?: Partial<ScheduleTimes>;
  resolve?: Resolve;
  random?: () => number;
  secondSessionFrom?: number;
}

interface Served {
  entry: PollerConnection;
  board: ConnectionBoard;
  state: MailboxState;
  mailbox: Mailbox | undefined;
}

/** The IMAP side of a gateway: a mailbox loop for each enabled connection. */
export function createPoller(
  { clock, logger, registry, board, log, software }: WorkerContext,
  first: PollerGroup,
  options: PollerOptions = {},
): Worker<PollerGroup, PollerConnection> {
  let group = first;
  let egress: Egress = () => false;
  let egressFault: Fault | undefined;
  let stopped = false;
  const served = new Map<string, Served>();
  /** Mailboxes that are gone and still finish a poll. */
  const leaving = new Map<string, Promise<void>>();
  const random = options.random ?? Math.random;
  const gates = { working: createGate(OPENING), failing: createGate(OPENING_AFTER_FAILURE) };
  const metrics = registerMetrics(registry, () => served.values(), clock.now);
  let opened: Promise<Store> | undefined;
  const store = (): Promise<Store> => {
    opened ??= openFileStore(group.archive.path).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
  const archiveFirstOpened = Promise.withResolvers<void>();
  const services: PollServices = {
    clock,
    log,
    budget: createByteBudget(first.bytesInFlight),
    memory: createArchiveMemory(store),
    readBack: createReadBack(store, log.writer),
    resolve: options.resolve ?? createResolve(),
    archiveOpened: (signal) => openedWithin(archiveFirstOpened.promise, signal),
    archivePath: () => group.archive.path,
    egress: () => egress,
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    software,
    secondSessionFrom: options.secondSessionFrom ?? SECOND_SESSION_FROM,
    onStage: metrics.stage,
  };

  /** What keeps the whole group from working, worst first. */
  const judge = (): void => {
    const fault = egressFault ?? log.fault;
    const worked = board.group.fault === undefined;
    board.setFault(fault);
    const ready = fault === undefined && board.group.revision !== undefined && !stopped;
    if (ready !== board.group.ready) board.updateGroup({ ready });
    if (log.archiveId !== '') archiveFirstOpened.resolve();
    if (fault === undefined && !worked) for (const { mailbox } of served.values()) mailbox?.archiveWorks();
  };
  log.onChange(judge);

  const serve = (entry: PollerConnection, restart: boolean): void => {
    const before = served.get(entry.uid);
    if (before && !restart && before.entry.revision === entry.revision) return;
    before?.mailbox?.stop();
    const state = before?.state ?? newMailboxState();
    state.oneSession = false;
    const own = board.serve(entry);
    const polls = entry.state === 'Enabled' && entry.password !== undefined && !stopped;
    const mailbox = polls
      ? startMailbox({
          services,
          entry,
          board: own,
          state,
          logger: logger.with({ connection: `${entry.namespace}/${entry.name}` }),
          gates,
          times: { ...defaultScheduleTimes, ...options.times },
          random,
          after: before?.mailbox?.ended ?? leaving.get(entry.uid) ?? Promise.resolve(),
          onPolled: metrics.polled,
        })
      : before?.mailbox;
    served.set(entry.uid, { entry, board: own, state, mailbox });
  };
  const drop = (uid: string, { mailbox }: Served): void => {
    served.delete(uid);
    mailbox?.stop();
    const gone = (mailbox?.ended ?? Promise.resolve()).then(() => {
      if (leaving.get(uid) === gone) leaving.delete(uid);
      // Only now nobody pulls for it any more, so that another shard may begin.
      if (!served.has(uid)) board.remove(uid);
    });
    leaving.set(uid, gone);
  };

  return {
    apply: async (configuration: Configuration<PollerGroup, PollerConnection>) => {
      const changed = JSON.stringify(configuration.group.egress) !== JSON.stringify(group.egress);
      group = configuration.group;
      try {
        egress = compileEgress(group.egress);
        egressFault = undefined;
      } catch (error) {
        // Nothing is dialled by rules that are not understood.
        egress = () => false;
        egressFault = toFaultError(error).toFault();
      }
      for (const [uid, one] of served) {
        if (!configuration.entries.has(uid)) drop(uid, one);
      }
      for (const entry of configuration.entries.values()) serve(entry, changed);
      board.updateGroup({ revision: group.revision });
      judge();
      logger.info('configuration-served', { revision: group.revision, connections: served.size });
    },

    test: async (uid, emit, signal) => {
      const one = served.get(uid);
      if (one === undefined) {
        throw new FaultError('InvalidConfiguration', 'later', 'The connection is not served here any more.');
      }
      const { entry } = one;
      const attempt = entry.password === undefined ? withoutPassword(entry) : undefined;
      const done = attempt ?? (await probe(services, entry, 'request', emit, signal));
      one.board.attempted(done);
      return done;
    },

    stop: async (signal) => {
      stopped = true;
      const all = [...served.values()].flatMap(({ mailbox }) => mailbox ?? []);
      for (const mailbox of all) mailbox.stop();
      const late = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      await Promise.race([Promise.all([...all.map(({ ended }) => ended), ...leaving.values()]), late]);
    },
  };

  function withoutPassword({ revision }: PollerConnection): Attempt {
    const at = timestamp(clock);
    const message = 'There is no password to log in with, so nothing was dialled.';
    return {
      kind: 'test',
      trigger: 'request',
      revision,
      startedAt: at,
      endedAt: at,
      stages: [],
      fault: { code: 'AuthenticationFailed', retry: 'never', message },
    };
  }
}

function openedWithin(opened: Promise<void>, signal: AbortSignal): Promise<void> {
  const ended = AbortSignal.any([signal, AbortSignal.timeout(ARCHIVE_OPENS_MS)]);
  return new Promise((resolve, reject) => {
    const late = (): void =>
      reject(
        signal.aborted
          ? signal.reason
          : new FaultError('ArchiveNotWritable', 'later', 'The archive could not be opened yet.'),
      );
    if (ended.aborted) return late();
    ended.addEventListener('abort', late, { once: true });
    void opened.then(() => {
      ended.removeEventListener('abort', late);
      resolve();
    });
  });
}
