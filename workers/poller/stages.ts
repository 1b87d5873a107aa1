import type { Clock } from '../process/clock.ts';
import type { Stage, StageResult } from '../process/contract.ts';
import { type FaultError, printable } from '../process/fault-error.ts';

/** The stages of one session, in the order in which they ran. One runs at a time. */
export interface Stages {
  readonly results: readonly StageResult[];
  /** The stage that runs now. */
  readonly current: Stage | undefined;
  begin(stage: Stage): void;
  /** The running stage passed. */
  pass(text: string): void;
  /** The running stage failed; without one, the last stage that passed did after all. */
  fail(fault: FaultError): void;
}

/** @param emit called with each stage as it ends */
export function recordStages(clock: Clock, emit: (stage: StageResult) => void = () => undefined): Stages {
  const results: StageResult[] = [];
  let running: { stage: Stage; since: number } | undefined;
  const end = (ok: boolean, text: string): void => {
    if (running === undefined) return;
    const ms = Math.round(clock.monotonic() - running.since);
    const result: StageResult = { stage: running.stage, ok, ms, text: printable(text) };
    running = undefined;
    results.push(result);
    emit(result);
  };
  return {
    results,
    get current() {
      return running?.stage;
    },
    begin: (stage) => {
      running = { stage, since: clock.monotonic() };
    },
    pass: (text) => end(true, text),
    fail: (fault) => {
      const last = results.at(-1);
      if (running === undefined && last !== undefined) {
        results.pop();
        running = { stage: last.stage, since: clock.monotonic() - last.ms };
      }
      end(false, fault.serverText ?? fault.message);
    },
  };
}
