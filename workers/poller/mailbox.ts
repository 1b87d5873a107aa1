import type { Attempt, Fault, PollerConnection } from '../process/contract.ts';
import type { ConnectionBoard } from '../process/facts-board.ts';
import type { Logger } from '../process/logger.ts';
import type { Gate } from './gate.ts';
import type { MailboxState } from './mailbox-state.ts';
import { type PollServices, poll } from './poll.ts';
import { nextPollIn, type ScheduleTimes } from './schedule.ts';

export interface MailboxOptions {
  services: PollServices;
  entry: PollerConnection;
  board: ConnectionBoard;
  state: MailboxState;
  logger: Logger;
  /** For mailboxes whose last poll worked, and for the others: those that hang never take the places of those that work. */
  gates: { working: Gate; failing: Gate };
  times: ScheduleTimes;
  /** From 0 to 1. */
  random: () => number;
  /** The poller that served the connection before; it ends first. */
  after: Promise<void>;
  onPolled(seconds: number, ok: boolean): void;
}

/** Polls one mailbox until it is stopped. */
export interface Mailbox {
  /** Polls now, if it was the archive that kept it from taking mail. */
  archiveWorks(): void;
  /** Ends a poll that runs, keeping what is durable. */
  stop(): void;
  readonly ended: Promise<void>;
}

export function startMailbox(options: MailboxOptions): Mailbox {
  const { services, entry, board, state, logger, gates, times, random } = options;
  const ending = new AbortController();
  const { signal } = ending;
  let last: Fault | undefined;
  let wake = (): void => undefined;

  const run = async (): Promise<void> => {
    await options.after;
    let trigger: Attempt['trigger'] = 'change';
    while (!signal.aborted) {
      const began = services.clock.monotonic();
      const gate = last === undefined ? gates.working : gates.failing;
      const ended = await poll(services, { entry, board, state, logger, trigger, gate, signal });
      if (ended === undefined) return;
      last = ended.fault?.toFault();
      options.onPolled((services.clock.monotonic() - began) / 1000, last === undefined);
      trigger = last === undefined ? 'schedule' : 'retry';
      await sleep(nextPollIn(entry.pollIntervalMs, last, times, random()));
    }
  };
  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      wake = done;
    });

  return {
    archiveWorks: () => {
      if (last?.code === 'ArchiveFull' || last?.code === 'ArchiveNotWritable') wake();
    },
    stop: () => ending.abort(),
    ended: run(),
  };
}
