import type { ConnectionFacts } from '../../../workers/process/contract.ts';
import type { WorkerReport, WorkerReports } from '../../plan/inputs.ts';
import type { Clock } from '../clock.ts';
import type { WorkerFacts } from '../workers/facts.ts';
import type { ShownWorker } from './fleet.ts';

export interface WorkerState {
  shown: ShownWorker;
  facts: WorkerFacts | undefined;
}

/** What planning needs to know of the workers: their reports by gateway, their connections' facts by uid. */
export function reportsOf(
  workers: readonly WorkerState[],
  clock: Clock,
): {
  reports: Map<string, WorkerReports>;
  facts: Map<string, ConnectionFacts>;
} {
  const reports = new Map<string, WorkerReports>();
  const facts = new Map<string, ConnectionFacts>();
  for (const { shown, facts: told } of workers) {
    const report: WorkerReport = {
      ...(told !== undefined && { group: told.group, answeredAt: wallTime(told.answeredAt, clock) }),
      ...(shown.state === 'crash-looping' && { crash: crashOf(shown) }),
    };
    // One poller does for one machine.
    const own = shown.role === 'receiver' ? { receiver: report } : { pollers: [report] };
    reports.set(shown.gateway, { ...reports.get(shown.gateway), ...own });
    for (const [uid, connection] of told?.connections ?? []) facts.set(uid, connection);
  }
  return { reports, facts };
}

/** How long ago something was does not change where the clock is set or the machine slept. */
function wallTime(at: number, clock: Clock): number {
  return clock.now() - (clock.monotonic() - at);
}

function crashOf({ failingSince, lastExit }: ShownWorker): NonNullable<WorkerReport['crash']> {
  const ended = lastExit?.signal ? `it was ended by ${lastExit.signal}` : `it ended with code ${lastExit?.code}`;
  return {
    since: Date.parse(failingSince ?? lastExit?.at ?? ''),
    message: lastExit?.text === undefined ? ended : `${ended}: ${lastExit.text}`,
  };
}
