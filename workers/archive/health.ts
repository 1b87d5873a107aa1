import { type Clock, timestamp } from '../process/clock.ts';
import type { Fault } from '../process/contract.ts';
import type { FaultError } from '../process/fault-error.ts';
import type { Logger } from '../process/logger.ts';

/** How often a store that failed is tried again. */
const PROBE_MS = 1_000;

/** Whether the log can write, by its last write; heals by itself. */
export interface WriteHealth {
  /** Present from a failed write until something was written again. */
  readonly fault: Fault | undefined;
  readonly lastCommitAt: string | undefined;
  worked(): void;
  /** Gives the store's error as it is told to callers. */
  failed(error: unknown): FaultError;
  /** Resolves when no probe is under way. */
  close(): Promise<void>;
}

export interface HealthOptions {
  clock: Clock;
  logger: Logger;
  toFault: (error: unknown) => FaultError;
  /** Writes something, as a proof. */
  prove: () => Promise<void>;
  changed: () => void;
}

export function createWriteHealth({ clock, logger, toFault, prove, changed }: HealthOptions): WriteHealth {
  let fault: Fault | undefined;
  let lastCommitAt: string | undefined;
  let probe: NodeJS.Timeout | undefined;
  let proving: Promise<void> | undefined;
  let closed = false;

  const failed = (error: unknown): FaultError => {
    const told = toFault(error);
    if (fault?.message !== told.message) logger.error('archive-write-failed', { error: told.message });
    fault = told.toFault();
    if (!closed) probe ??= setTimeout(probeAgain, PROBE_MS);
    changed();
    return told;
  };
  // Nobody may be writing any more, since intake is refused; and where somebody is, what was given up wants its note.
  const probeAgain = (): void => {
    proving = prove().then(
      () => {
        probe = undefined;
        if (fault === undefined) return;
        fault = undefined;
        changed();
      },
      (error: unknown) => {
        probe = undefined;
        failed(error);
      },
    );
  };

  return {
    get fault() {
      return fault;
    },
    get lastCommitAt() {
      return lastCommitAt;
    },
    worked: () => {
      lastCommitAt = timestamp(clock);
      fault = undefined;
      changed();
    },
    failed,
    close: async () => {
      closed = true;
      clearTimeout(probe);
      await proving;
    },
  };
}
