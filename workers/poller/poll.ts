import type { ArchiveLog } from '../archive/log.ts';
import type { ByteBudget } from '../process/byte-budget.ts';
import { type Clock, timestamp } from '../process/clock.ts';
import type { Attempt, PollerConnection, StageResult } from '../process/contract.ts';
import type { ConnectionBoard } from '../process/facts-board.ts';
import { type FaultError, toFaultError } from '../process/fault-error.ts';
import type { Logger } from '../process/logger.ts';
import type { Egress } from './egress.ts';
import type { Gate } from './gate.ts';
import { readOne } from './listing.ts';
import type { MailboxState } from './mailbox-state.ts';
import type { ArchiveMemory } from './memory.ts';
import type { ReadBack } from './read-back.ts';
import type { Resolve } from './resolve.ts';
import { openSession, type Session, type SessionTimeouts } from './session.ts';
import { recordStages, type Stages } from './stages.ts';
import { takeIn } from './take-in.ts';

/** What all mailboxes of the process share. */
export interface PollServices {
  clock: Clock;
  log: ArchiveLog;
  budget: ByteBudget;
  memory: ArchiveMemory;
  readBack: ReadBack;
  resolve: Resolve;
  /** Resolves when the archive was opened for the first time. Rejects after a while, or with the signal's reason. */
  archiveOpened(signal: AbortSignal): Promise<void>;
  /** Folder of the archive. */
  archivePath: () => string;
  egress: () => Egress;
  timeouts: SessionTimeouts;
  software: string;
  /** From so many waiting messages on a second session is worth its login. */
  secondSessionFrom: number;
  onStage(stage: StageResult): void;
}

export interface PollOptions {
  entry: PollerConnection;
  board: ConnectionBoard;
  state: MailboxState;
  logger: Logger;
  trigger: Attempt['trigger'];
  /** Bounds how many sessions are being opened at once. */
  gate: Gate;
  signal: AbortSignal;
}

/**
 * Runs the stages on a new session with the entry, and closes it: what a test is.
 *
 * @param emit called with each stage as it ends
 */
export async function probe(
  services: PollServices,
  entry: PollerConnection,
  trigger: Attempt['trigger'],
  emit: (stage: StageResult) => void,
  signal: AbortSignal,
): Promise<Attempt> {
  const { clock } = services;
  const startedAt = timestamp(clock);
  const stages = recordStages(clock, (stage) => {
    services.onStage(stage);
    emit(stage);
  });
  let fault: FaultError | undefined;
  try {
    const session = await open(services, entry, stages, signal);
    await leave(session);
    session.close();
  } catch (error) {
    signal.throwIfAborted();
    fault = toFaultError(error);
    stages.fail(fault);
  }
  return attempt('test', trigger, entry, startedAt, timestamp(clock), stages, fault);
}

/**
 * One poll: the stages on a new session, so that the light never rests on a cached login; then everything that waits is
 * pulled. The attempt is on the board as soon as its stages passed, since a pull may last hours; one that breaks off
 * replaces it. After a failure that is not enough: were a run of failures ended by stages that pass, a mailbox whose
 * every pull breaks would never have failed for long. There the pull has to end too, or to bring mail for as long as an
 * interval.
 *
 * @returns undefined where it was stopped, else the fault that ended it, if any
 */
export async function poll(services: PollServices, options: PollOptions): Promise<{ fault?: FaultError } | undefined> {
  const { clock } = services;
  const { entry, board, trigger, gate, signal, logger } = options;
  const startedAt = timestamp(clock);
  const began = clock.monotonic();
  const stages = recordStages(clock, services.onStage);
  const tell = (fault?: FaultError): void =>
    board.attempted(attempt('poll', trigger, entry, startedAt, timestamp(clock), stages, fault));
  let passed = false;
  const pass = (): void => {
    if (!passed) tell();
    passed = true;
  };
  const proving: ConnectionBoard = {
    ...board,
    stored: (bytes) => {
      board.stored(bytes);
      if (clock.monotonic() - began >= entry.pollIntervalMs) pass();
    },
  };
  let session: Session | undefined;
  try {
    session = await gate.run(() => open(services, entry, stages, signal), signal);
    if (board.facts.failingSince === undefined) pass();
    const { refused, ...numbers } = await takeIn(services, { ...options, board: proving }, session);
    if (refused) throw refused;
    await leave(session);
    pass();
    logger.info('poll', { ...numbers, ms: Math.round(clock.monotonic() - began) });
    return {};
  } catch (error) {
    if (signal.aborted) return undefined;
    const fault = toFaultError(error);
    // A full archive is no fault of the server; its stages stay as they passed.
    if (fault.code !== 'ArchiveFull' && fault.code !== 'ArchiveNotWritable') stages.fail(fault);
    tell(fault);
    logger.warn('poll-failed', {
      code: fault.code,
      stage: stages.results.find(({ ok }) => !ok)?.stage,
      text: fault.serverText ?? fault.message,
      // Only what we did not foresee needs its origin; the server's words are in the text.
      ...(fault.code === 'InternalError' && { cause: String(fault.cause) }),
      ms: Math.round(clock.monotonic() - began),
    });
    return { fault };
  } finally {
    session?.close();
  }
}

async function open(
  { egress, resolve, timeouts, software }: PollServices,
  entry: PollerConnection,
  stages: Stages,
  signal: AbortSignal,
): Promise<Session> {
  const session = await openSession({ entry, egress: egress(), resolve, timeouts, software, signal }, stages);
  try {
    stages.begin('read');
    stages.pass(await readOne(session));
    return session;
  } catch (error) {
    session.close();
    throw error;
  }
}

/** LOGOUT, unless the pull did it. How the server takes leave changes nothing. */
async function leave({ client }: Session): Promise<void> {
  if (client.usable) await client.logout().catch((error: unknown) => error);
}

function attempt(
  kind: Attempt['kind'],
  trigger: Attempt['trigger'],
  { revision }: PollerConnection,
  startedAt: string,
  endedAt: string,
  stages: Stages,
  fault: FaultError | undefined,
): Attempt {
  const stagesNow = [...stages.results];
  return {
    kind,
    trigger,
    revision,
    startedAt,
    endedAt,
    stages: stagesNow,
    ...(fault && { fault: fault.toFault() }),
  };
}
